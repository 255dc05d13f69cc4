// ListOffsets: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const listOffsetsTable: ApiTable = {
  key: 2,
  name: 'ListOffsets',
  versions: '1-11',
  flexible: '6+',
  request: `
    replicaId               int32
    isolationLevel          int8                    2+
    topics                  []ListOffsetsTopic
      name                  string
      partitions            []ListOffsetsPartition
        partitionIndex      int32
        currentLeaderEpoch  int32                   4+   = -1 ignorable
        timestamp           int64
    timeoutMs               int32                   10+  ignorable
  `,
  response: `
    throttleTimeMs      int32                           2+  ignorable
    topics              []ListOffsetsTopicResponse
      name              string
      partitions        []ListOffsetsPartitionResponse
        partitionIndex  int32
        errorCode       int16
        timestamp       int64                               = -1
        offset          int64                               = -1
        leaderEpoch     int32                           4+  = -1
  `,
};
