// Produce: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const produceTable: ApiTable = {
  key: 0,
  name: 'Produce',
  versions: '3-13',
  flexible: '9+',
  request: `
    transactionalId  string?                       = null
    acks             int16
    timeoutMs        int32
    topicData        []TopicProduceData
      name           string                  3-12  ignorable
      topicId        uuid                    13+   ignorable
      partitionData  []PartitionProduceData
        index        int32
        records      records?
  `,
  response: `
    responses                     []TopicProduceResponse
      name                        string                       3-12  ignorable
      topicId                     uuid                         13+   ignorable
      partitionResponses          []PartitionProduceResponse
        index                     int32
        errorCode                 int16
        baseOffset                int64
        logAppendTimeMs           int64                              = -1 ignorable
        logStartOffset            int64                        5+    = -1 ignorable
        recordErrors              []BatchIndexAndErrorMessage  8+    ignorable
          batchIndex              int32
          batchIndexErrorMessage  string?                            = null
        errorMessage              string?                      8+    = null ignorable
        currentLeader             LeaderIdAndEpoch             10+   tag 0
          leaderId                int32                              = -1
          leaderEpoch             int32                              = -1
    throttleTimeMs                int32                              = 0 ignorable
    nodeEndpoints                 []NodeEndpoint               10+   tag 0
      nodeId                      int32
      host                        string
      port                        int32
      rack                        string?                            = null
  `,
};
