// DeleteRecords: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const deleteRecordsTable: ApiTable = {
  key: 21,
  name: 'DeleteRecords',
  versions: '0-2',
  flexible: '2+',
  request: `
    topics              []DeleteRecordsTopic
      name              string
      partitions        []DeleteRecordsPartition
        partitionIndex  int32
        offset          int64
    timeoutMs           int32
  `,
  response: `
    throttleTimeMs      int32
    topics              []DeleteRecordsTopicResult
      name              string
      partitions        []DeleteRecordsPartitionResult
        partitionIndex  int32
        lowWatermark    int64
        errorCode       int16
  `,
};
