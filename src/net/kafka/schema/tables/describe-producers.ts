// DescribeProducers: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const describeProducersTable: ApiTable = {
  key: 61,
  name: 'DescribeProducers',
  versions: '0',
  flexible: '0+',
  request: `
    topics              []TopicRequest
      name              string
      partitionIndexes  []int32
  `,
  response: `
    throttleTimeMs               int32
    topics                       []TopicResponse
      name                       string
      partitions                 []PartitionResponse
        partitionIndex           int32
        errorCode                int16
        errorMessage             string?                = null
        activeProducers          []ProducerState
          producerId             int64
          producerEpoch          int32
          lastSequence           int32                  = -1
          lastTimestamp          int64                  = -1
          coordinatorEpoch       int32
          currentTxnStartOffset  int64                  = -1
  `,
};
