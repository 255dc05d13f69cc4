// FindCoordinator: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const findCoordinatorTable: ApiTable = {
  key: 10,
  name: 'FindCoordinator',
  versions: '0-6',
  flexible: '3+',
  request: `
    key              string    0-3
    keyType          int8      1+   = 0
    coordinatorKeys  []string  4+
  `,
  response: `
    throttleTimeMs  int32          1+   ignorable
    errorCode       int16          0-3
    errorMessage    string?        1-3  ignorable
    nodeId          int32          0-3
    host            string         0-3
    port            int32          0-3
    coordinators    []Coordinator  4+
      key           string
      nodeId        int32
      host          string
      port          int32
      errorCode     int16
      errorMessage  string?             ignorable
  `,
};
