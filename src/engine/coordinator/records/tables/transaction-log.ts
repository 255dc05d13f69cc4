// A record of the transaction state topic, in the notation of net/kafka/schema/table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

export const transactionLogKeyTable = {
  name: 'TransactionLogKey',
  recordType: 0,
  versions: '0',
  flexible: 'none',
  fields: `
    transactionalId  string
  `,
} as const;

export const transactionLogValueTable = {
  name: 'TransactionLogValue',
  versions: '0-1',
  flexible: '1+',
  fields: `
    producerId                        int64
    previousProducerId                int64                1+  tag 0 = -1
    nextProducerId                    int64                1+  tag 1 = -1
    producerEpoch                     int16
    nextProducerEpoch                 int16                1+  tag 3 = -1
    transactionTimeoutMs              int32
    transactionStatus                 int8
    transactionPartitions             []PartitionsSchema?
      topic                           string
      partitionIds                    []int32
    transactionLastUpdateTimestampMs  int64
    transactionStartTimestampMs       int64
    clientTransactionVersion          int16                1+  tag 2 = 0
  `,
} as const;
