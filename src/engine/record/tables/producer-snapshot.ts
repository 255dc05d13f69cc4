// The body of a producer snapshot file, in the notation of net/kafka/schema/table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

export const producerSnapshotTable = {
  name: 'ProducerSnapshot',
  versions: '1',
  flexible: 'none',
  fields: `
    crc                      uint32
    producerEntries          []ProducerEntry
      producerId             int64
      epoch                  int16
      lastSequence           int32
      lastOffset             int64
      offsetDelta            int32
      timestamp              int64
      coordinatorEpoch       int32
      currentTxnFirstOffset  int64
  `,
} as const;
