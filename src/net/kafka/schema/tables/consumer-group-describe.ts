// ConsumerGroupDescribe: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const consumerGroupDescribeTable: ApiTable = {
  key: 69,
  name: 'ConsumerGroupDescribe',
  versions: '0-1',
  flexible: '0+',
  request: `
    groupIds                     []string
    includeAuthorizedOperations  bool
  `,
  response: `
    throttleTimeMs            int32
    groups                    []DescribedGroup
      errorCode               int16
      errorMessage            string?                = null
      groupId                 string
      groupState              string
      groupEpoch              int32
      assignmentEpoch         int32
      assignorName            string
      members                 []Member
        memberId              string
        instanceId            string?                = null
        rackId                string?                = null
        memberEpoch           int32
        clientId              string
        clientHost            string
        subscribedTopicNames  []string
        subscribedTopicRegex  string?                = null
        assignment            Assignment
        targetAssignment      Assignment
        memberType            int8               1+  = -1 ignorable
      authorizedOperations    int32                  = -2147483648
    struct TopicPartitions
      topicId                 uuid
      topicName               string
      partitions              []int32
    struct Assignment
      topicPartitions         []TopicPartitions
  `,
};
