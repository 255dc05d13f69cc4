// CreateTopics: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const createTopicsTable: ApiTable = {
  key: 19,
  name: 'CreateTopics',
  versions: '2-7',
  flexible: '5+',
  request: `
    topics               []CreatableTopic
      name               string
      numPartitions      int32
      replicationFactor  int16
      assignments        []CreatableReplicaAssignment
        partitionIndex   int32
        brokerIds        []int32
      configs            []CreatableTopicConfig
        name             string
        value            string?
    timeoutMs            int32                           = 60000
    validateOnly         bool                            = false
  `,
  response: `
    throttleTimeMs          int32                         ignorable
    topics                  []CreatableTopicResult
      name                  string
      topicId               uuid                      7+  ignorable
      errorCode             int16
      errorMessage          string?                       ignorable
      topicConfigErrorCode  int16                     5+  tag 0 ignorable
      numPartitions         int32                     5+  = -1 ignorable
      replicationFactor     int16                     5+  = -1 ignorable
      configs               []CreatableTopicConfigs?  5+  ignorable
        name                string
        value               string?
        readOnly            bool
        configSource        int8                          = -1 ignorable
        isSensitive         bool
  `,
};
