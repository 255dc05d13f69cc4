// DescribeCluster: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const describeClusterTable: ApiTable = {
  key: 60,
  name: 'DescribeCluster',
  versions: '0-2',
  flexible: '0+',
  request: `
    includeClusterAuthorizedOperations  bool
    endpointType                        int8  1+  = 1
    includeFencedBrokers                bool  2+
  `,
  response: `
    throttleTimeMs               int32
    errorCode                    int16
    errorMessage                 string?                      = null
    endpointType                 int8                     1+  = 1
    clusterId                    string
    controllerId                 int32                        = -1
    brokers                      []DescribeClusterBroker
      brokerId                   int32
      host                       string
      port                       int32
      rack                       string?                      = null
      isFenced                   bool                     2+
    clusterAuthorizedOperations  int32                        = -2147483648
  `,
};
