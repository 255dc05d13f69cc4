// ConsumerGroupHeartbeat: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const consumerGroupHeartbeatTable: ApiTable = {
  key: 68,
  name: 'ConsumerGroupHeartbeat',
  versions: '0-1',
  flexible: '0+',
  request: `
    groupId               string
    memberId              string
    memberEpoch           int32
    instanceId            string?                 = null
    rackId                string?                 = null
    rebalanceTimeoutMs    int32                   = -1
    subscribedTopicNames  []string?               = null
    subscribedTopicRegex  string?             1+  = null
    serverAssignor        string?                 = null
    topicPartitions       []TopicPartitions?      = null
      topicId             uuid
      partitions          []int32
  `,
  response: `
    throttleTimeMs       int32
    errorCode            int16
    errorMessage         string?              = null
    memberId             string?              = null
    memberEpoch          int32
    heartbeatIntervalMs  int32
    assignment           Assignment?          = null
      topicPartitions    []TopicPartitions
    struct TopicPartitions
      topicId            uuid
      partitions         []int32
  `,
};
