// DeleteGroups: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const deleteGroupsTable: ApiTable = {
  key: 42,
  name: 'DeleteGroups',
  versions: '0-3',
  flexible: '2+',
  request: `
    groupsNames  []string
  `,
  response: `
    throttleTimeMs  int32
    results         []DeletableGroupResult
      groupId       string
      errorCode     int16
      errorMessage  string?                 3+  = null ignorable
  `,
};
