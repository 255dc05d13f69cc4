// AlterConfigs: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const alterConfigsTable: ApiTable = {
  key: 33,
  name: 'AlterConfigs',
  versions: '0-2',
  flexible: '2+',
  request: `
    resources       []AlterConfigsResource
      resourceType  int8
      resourceName  string
      configs       []AlterableConfig
        name        string
        value       string?
    validateOnly    bool
  `,
  response: `
    throttleTimeMs  int32
    responses       []AlterConfigsResourceResponse
      errorCode     int16
      errorMessage  string?
      resourceType  int8
      resourceName  string
  `,
};
