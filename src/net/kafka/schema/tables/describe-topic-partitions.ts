// DescribeTopicPartitions: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const describeTopicPartitionsTable: ApiTable = {
  key: 75,
  name: 'DescribeTopicPartitions',
  versions: '0',
  flexible: '0+',
  request: `
    topics                  []TopicRequest
      name                  string
    responsePartitionLimit  int32             = 2000
    cursor                  Cursor?           = null
      topicName             string
      partitionIndex        int32
  `,
  response: `
    throttleTimeMs               int32                                         ignorable
    topics                       []DescribeTopicPartitionsResponseTopic
      errorCode                  int16
      name                       string?
      topicId                    uuid                                          ignorable
      isInternal                 bool                                          = false ignorable
      partitions                 []DescribeTopicPartitionsResponsePartition
        errorCode                int16
        partitionIndex           int32
        leaderId                 int32
        leaderEpoch              int32                                         = -1 ignorable
        replicaNodes             []int32
        isrNodes                 []int32
        eligibleLeaderReplicas   []int32?                                      = null
        lastKnownElr             []int32?                                      = null
        offlineReplicas          []int32                                       ignorable
      topicAuthorizedOperations  int32                                         = -2147483648
    nextCursor                   Cursor?                                       = null
      topicName                  string
      partitionIndex             int32
  `,
};
