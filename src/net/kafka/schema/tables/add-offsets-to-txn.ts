// AddOffsetsToTxn: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const addOffsetsToTxnTable: ApiTable = {
  key: 25,
  name: 'AddOffsetsToTxn',
  versions: '0-4',
  flexible: '3+',
  request: `
    transactionalId  string
    producerId       int64
    producerEpoch    int16
    groupId          string
  `,
  response: `
    throttleTimeMs  int32
    errorCode       int16
  `,
};
