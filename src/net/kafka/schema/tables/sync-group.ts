// SyncGroup: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const syncGroupTable: ApiTable = {
  key: 14,
  name: 'SyncGroup',
  versions: '0-5',
  flexible: '4+',
  request: `
    groupId          string
    generationId     int32
    memberId         string
    groupInstanceId  string?                       3+  = null
    protocolType     string?                       5+  = null ignorable
    protocolName     string?                       5+  = null ignorable
    assignments      []SyncGroupRequestAssignment
      memberId       string
      assignment     bytes
  `,
  response: `
    throttleTimeMs  int32    1+  ignorable
    errorCode       int16
    protocolType    string?  5+  = null ignorable
    protocolName    string?  5+  = null ignorable
    assignment      bytes
  `,
};
