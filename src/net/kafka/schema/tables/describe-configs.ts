// DescribeConfigs: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const describeConfigsTable: ApiTable = {
  key: 32,
  name: 'DescribeConfigs',
  versions: '1-4',
  flexible: '4+',
  request: `
    resources             []DescribeConfigsResource
      resourceType        int8
      resourceName        string
      configurationKeys   []string?
    includeSynonyms       bool                           = false
    includeDocumentation  bool                       3+  = false
  `,
  response: `
    throttleTimeMs     int32
    results            []DescribeConfigsResult
      errorCode        int16
      errorMessage     string?
      resourceType     int8
      resourceName     string
      configs          []DescribeConfigsResourceResult
        name           string
        value          string?
        readOnly       bool
        configSource   int8                                 = -1 ignorable
        isSensitive    bool
        synonyms       []DescribeConfigsSynonym             ignorable
          name         string
          value        string?
          source       int8
        configType     int8                             3+  = 0 ignorable
        documentation  string?                          3+  ignorable
  `,
};
