// Heartbeat: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const heartbeatTable: ApiTable = {
  key: 12,
  name: 'Heartbeat',
  versions: '0-4',
  flexible: '4+',
  request: `
    groupId          string
    generationId     int32
    memberId         string
    groupInstanceId  string?  3+  = null
  `,
  response: `
    throttleTimeMs  int32  1+  ignorable
    errorCode       int16
  `,
};
