// JoinGroup: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const joinGroupTable: ApiTable = {
  key: 11,
  name: 'JoinGroup',
  versions: '0-9',
  flexible: '6+',
  request: `
    groupId             string
    sessionTimeoutMs    int32
    rebalanceTimeoutMs  int32                       1+  = -1 ignorable
    memberId            string
    groupInstanceId     string?                     5+  = null
    protocolType        string
    protocols           []JoinGroupRequestProtocol
      name              string
      metadata          bytes
    reason              string?                     8+  = null ignorable
  `,
  response: `
    throttleTimeMs     int32                      2+  ignorable
    errorCode          int16
    generationId       int32                          = -1
    protocolType       string?                    7+  = null ignorable
    protocolName       string?7+
    leader             string
    skipAssignment     bool                       9+  = false
    memberId           string
    members            []JoinGroupResponseMember
      memberId         string
      groupInstanceId  string?                    5+  = null ignorable
      metadata         bytes
  `,
};
