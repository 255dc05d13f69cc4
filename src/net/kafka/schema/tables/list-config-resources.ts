// ListConfigResources: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const listConfigResourcesTable: ApiTable = {
  key: 74,
  name: 'ListConfigResources',
  versions: '0-1',
  flexible: '0+',
  request: `
    resourceTypes  []int8  1+
  `,
  response: `
    throttleTimeMs   int32
    errorCode        int16
    configResources  []ConfigResource
      resourceName   string
      resourceType   int8              1+  = 16 ignorable
  `,
};
