// OffsetDelete: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const offsetDeleteTable: ApiTable = {
  key: 47,
  name: 'OffsetDelete',
  versions: '0',
  flexible: 'none',
  request: `
    groupId             string
    topics              []OffsetDeleteRequestTopic
      name              string
      partitions        []OffsetDeleteRequestPartition
        partitionIndex  int32
  `,
  response: `
    errorCode           int16
    throttleTimeMs      int32                              ignorable
    topics              []OffsetDeleteResponseTopic
      name              string
      partitions        []OffsetDeleteResponsePartition
        partitionIndex  int32
        errorCode       int16
  `,
};
