// Fetch: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const fetchTable: ApiTable = {
  key: 1,
  name: 'Fetch',
  versions: '4-18',
  flexible: '12+',
  request: `
    clusterId               string?           12+   tag 0 = null ignorable
    replicaId               int32             4-14  = -1
    replicaState            ReplicaState      15+   tag 1
      replicaId             int32                   = -1
      replicaEpoch          int64                   = -1
    maxWaitMs               int32
    minBytes                int32
    maxBytes                int32                   = 2147483647 ignorable
    isolationLevel          int8                    = 0 ignorable
    sessionId               int32             7+    = 0 ignorable
    sessionEpoch            int32             7+    = -1 ignorable
    topics                  []FetchTopic
      topic                 string            4-12  ignorable
      topicId               uuid              13+   ignorable
      partitions            []FetchPartition
        partition           int32
        currentLeaderEpoch  int32             9+    = -1 ignorable
        fetchOffset         int64
        lastFetchedEpoch    int32             12+   = -1
        logStartOffset      int64             5+    = -1 ignorable
        partitionMaxBytes   int32
        replicaDirectoryId  uuid              17+   tag 0 ignorable
        highWatermark       int64             18+   tag 1 = 9223372036854775807 ignorable
    forgottenTopicsData     []ForgottenTopic  7+
      topic                 string            7-12  ignorable
      topicId               uuid              13+   ignorable
      partitions            []int32
    rackId                  string            11+   = "" ignorable
  `,
  response: `
    throttleTimeMs            int32                           ignorable
    errorCode                 int16                     7+    ignorable
    sessionId                 int32                     7+    = 0
    responses                 []FetchableTopicResponse
      topic                   string                    4-12  ignorable
      topicId                 uuid                      13+   ignorable
      partitions              []PartitionData
        partitionIndex        int32
        errorCode             int16
        highWatermark         int64
        lastStableOffset      int64                           = -1 ignorable
        logStartOffset        int64                     5+    = -1 ignorable
        divergingEpoch        EpochEndOffset            12+   tag 0
          epoch               int32                           = -1
          endOffset           int64                           = -1
        currentLeader         LeaderIdAndEpoch          12+   tag 1
          leaderId            int32                           = -1
          leaderEpoch         int32                           = -1
        snapshotId            SnapshotId                12+   tag 2
          endOffset           int64                           = -1
          epoch               int32                           = -1
        abortedTransactions   []AbortedTransaction?           ignorable
          producerId          int64
          firstOffset         int64
        preferredReadReplica  int32                     11+   = -1
        records               records?
    nodeEndpoints             []NodeEndpoint            16+   tag 0
      nodeId                  int32
      host                    string
      port                    int32
      rack                    string?                         = null
  `,
};
