// OffsetFetch: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const offsetFetchTable: ApiTable = {
  key: 9,
  name: 'OffsetFetch',
  versions: '1-10',
  flexible: '6+',
  request: `
    groupId               string                         1-7
    topics                []OffsetFetchRequestTopic?2-7  1-7
      name                string
      partitionIndexes    []int32
    groups                []OffsetFetchRequestGroup      8+
      groupId             string
      memberId            string?                        9+   = null ignorable
      memberEpoch         int32                          9+   = -1 ignorable
      topics              []OffsetFetchRequestTopics?
        name              string                         8-9  ignorable
        topicId           uuid                           10+  ignorable
        partitionIndexes  []int32
    requireStable         bool                           7+   = false
  `,
  response: `
    throttleTimeMs              int32                            3+   ignorable
    topics                      []OffsetFetchResponseTopic       1-7
      name                      string
      partitions                []OffsetFetchResponsePartition
        partitionIndex          int32
        committedOffset         int64
        committedLeaderEpoch    int32                            5-7  = -1 ignorable
        metadata                string?
        errorCode               int16
    errorCode                   int16                            2-7  = 0 ignorable
    groups                      []OffsetFetchResponseGroup       8+
      groupId                   string
      topics                    []OffsetFetchResponseTopics
        name                    string                           8-9  ignorable
        topicId                 uuid                             10+  ignorable
        partitions              []OffsetFetchResponsePartitions
          partitionIndex        int32
          committedOffset       int64
          committedLeaderEpoch  int32                                 = -1 ignorable
          metadata              string?
          errorCode             int16
      errorCode                 int16                                 = 0
  `,
};
