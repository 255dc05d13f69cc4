// EndTxn: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const endTxnTable: ApiTable = {
  key: 26,
  name: 'EndTxn',
  versions: '0-5',
  flexible: '3+',
  request: `
    transactionalId  string
    producerId       int64
    producerEpoch    int16
    committed        bool
  `,
  response: `
    throttleTimeMs  int32
    errorCode       int16
    producerId      int64  5+  = -1 ignorable
    producerEpoch   int16  5+  = -1 ignorable
  `,
};
