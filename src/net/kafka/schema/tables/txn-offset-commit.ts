// TxnOffsetCommit: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const txnOffsetCommitTable: ApiTable = {
  key: 28,
  name: 'TxnOffsetCommit',
  versions: '0-6',
  flexible: '3+',
  request: `
    transactionalId            string
    groupId                    string
    producerId                 int64
    producerEpoch              int16
    generationIdOrMemberEpoch  int32                              3+   = -1
    memberId                   string                             3+   = ""
    groupInstanceId            string?                            3+   = null
    topics                     []TxnOffsetCommitRequestTopic
      name                     string                             0-5  ignorable
      topicId                  uuid                               6+   ignorable
      partitions               []TxnOffsetCommitRequestPartition
        partitionIndex         int32
        committedOffset        int64
        committedLeaderEpoch   int32                              2+   = -1 ignorable
        committedMetadata      string?
  `,
  response: `
    throttleTimeMs      int32
    topics              []TxnOffsetCommitResponseTopic
      name              string                              0-5  ignorable
      topicId           uuid                                6+   ignorable
      partitions        []TxnOffsetCommitResponsePartition
        partitionIndex  int32
        errorCode       int16
  `,
};
