// OffsetForLeaderEpoch: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const offsetForLeaderEpochTable: ApiTable = {
  key: 23,
  name: 'OffsetForLeaderEpoch',
  versions: '2-4',
  flexible: '4+',
  request: `
    replicaId               int32                       3+  = -2 ignorable
    topics                  []OffsetForLeaderTopic
      topic                 string
      partitions            []OffsetForLeaderPartition
        partition           int32
        currentLeaderEpoch  int32                           = -1 ignorable
        leaderEpoch         int32
  `,
  response: `
    throttleTimeMs   int32                           ignorable
    topics           []OffsetForLeaderTopicResult
      topic          string
      partitions     []EpochEndOffset
        errorCode    int16
        partition    int32
        leaderEpoch  int32                           = -1 ignorable
        endOffset    int64                           = -1
  `,
};
