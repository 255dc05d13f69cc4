// Metadata: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const metadataTable: ApiTable = {
  key: 3,
  name: 'Metadata',
  versions: '0-13',
  flexible: '9+',
  request: `
    topics                              []MetadataRequestTopic?1+
      topicId                           uuid                       10+   ignorable
      name                              string?10+
    allowAutoTopicCreation              bool                       4+    = true
    includeClusterAuthorizedOperations  bool                       8-10
    includeTopicAuthorizedOperations    bool                       8+
  `,
  response: `
    throttleTimeMs               int32                        3+    ignorable
    brokers                      []MetadataResponseBroker
      nodeId                     int32
      host                       string
      port                       int32
      rack                       string?                      1+    = null ignorable
    clusterId                    string?                      2+    = null ignorable
    controllerId                 int32                        1+    = -1 ignorable
    topics                       []MetadataResponseTopic
      errorCode                  int16
      name                       string?12+
      topicId                    uuid                         10+   ignorable
      isInternal                 bool                         1+    = false ignorable
      partitions                 []MetadataResponsePartition
        errorCode                int16
        partitionIndex           int32
        leaderId                 int32
        leaderEpoch              int32                        7+    = -1 ignorable
        replicaNodes             []int32
        isrNodes                 []int32
        offlineReplicas          []int32                      5+    ignorable
      topicAuthorizedOperations  int32                        8+    = -2147483648
    clusterAuthorizedOperations  int32                        8-10  = -2147483648
    errorCode                    int16                        13+   ignorable
  `,
};
