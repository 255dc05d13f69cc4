// ApiVersions: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const apiVersionsTable: ApiTable = {
  key: 18,
  name: 'ApiVersions',
  versions: '0-5',
  flexible: '3+',
  request: `
    clientSoftwareName     string   3+  ignorable
    clientSoftwareVersion  string   3+  ignorable
    clusterId              string?  5+  = null ignorable
    nodeId                 int32    5+  = -1 ignorable
  `,
  response: `
    errorCode               int16
    apiKeys                 []ApiVersion
      apiKey                int16
      minVersion            int16
      maxVersion            int16
    throttleTimeMs          int32                  1+  ignorable
    supportedFeatures       []SupportedFeatureKey  3+  tag 0 ignorable
      name                  string
      minVersion            int16
      maxVersion            int16
    finalizedFeaturesEpoch  int64                  3+  tag 1 = -1 ignorable
    finalizedFeatures       []FinalizedFeatureKey  3+  tag 2 ignorable
      name                  string
      maxVersionLevel       int16
      minVersionLevel       int16
    zkMigrationReady        bool                   3+  tag 3 = false ignorable
  `,
};
