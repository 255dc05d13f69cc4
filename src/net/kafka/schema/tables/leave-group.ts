// LeaveGroup: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const leaveGroupTable: ApiTable = {
  key: 13,
  name: 'LeaveGroup',
  versions: '0-5',
  flexible: '4+',
  request: `
    groupId            string
    memberId           string            0-2
    members            []MemberIdentity  3+
      memberId         string
      groupInstanceId  string?                = null
      reason           string?           5+   = null ignorable
  `,
  response: `
    throttleTimeMs     int32             1+  ignorable
    errorCode          int16
    members            []MemberResponse  3+
      memberId         string
      groupInstanceId  string?
      errorCode        int16
  `,
};
