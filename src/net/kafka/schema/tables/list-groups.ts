// ListGroups: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const listGroupsTable: ApiTable = {
  key: 16,
  name: 'ListGroups',
  versions: '0-5',
  flexible: '3+',
  request: `
    statesFilter  []string  4+
    typesFilter   []string  5+
  `,
  response: `
    throttleTimeMs  int32          1+  ignorable
    errorCode       int16
    groups          []ListedGroup
      groupId       string
      protocolType  string
      groupState    string         4+  ignorable
      groupType     string         5+  ignorable
  `,
};
