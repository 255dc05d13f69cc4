// InitProducerId: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const initProducerIdTable: ApiTable = {
  key: 22,
  name: 'InitProducerId',
  versions: '0-6',
  flexible: '2+',
  latestUnstable: true,
  request: `
    transactionalId       string?
    transactionTimeoutMs  int32
    producerId            int64    3+  = -1
    producerEpoch         int16    3+  = -1
    enable2Pc             bool     6+  = false
    keepPreparedTxn       bool     6+  = false
  `,
  response: `
    throttleTimeMs           int32      ignorable
    errorCode                int16
    producerId               int64      = -1
    producerEpoch            int16
    ongoingTxnProducerId     int64  6+  = -1
    ongoingTxnProducerEpoch  int16  6+  = -1
  `,
};
