// OffsetCommit: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const offsetCommitTable: ApiTable = {
  key: 8,
  name: 'OffsetCommit',
  versions: '2-10',
  flexible: '8+',
  request: `
    groupId                    string
    generationIdOrMemberEpoch  int32                                = -1 ignorable
    memberId                   string                               ignorable
    groupInstanceId            string?                         7+   = null
    retentionTimeMs            int64                           2-4  = -1 ignorable
    topics                     []OffsetCommitRequestTopic
      name                     string                          2-9  ignorable
      topicId                  uuid                            10+  ignorable
      partitions               []OffsetCommitRequestPartition
        partitionIndex         int32
        committedOffset        int64
        committedLeaderEpoch   int32                           6+   = -1 ignorable
        committedMetadata      string?
  `,
  response: `
    throttleTimeMs      int32                            3+   ignorable
    topics              []OffsetCommitResponseTopic
      name              string                           2-9  ignorable
      topicId           uuid                             10+  ignorable
      partitions        []OffsetCommitResponsePartition
        partitionIndex  int32
        errorCode       int16
  `,
};
