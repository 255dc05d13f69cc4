// A record of the offsets topic, in the notation of net/kafka/schema/table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

export const consumerGroupMetadataKeyTable = {
  name: 'ConsumerGroupMetadataKey',
  recordType: 3,
  versions: '0',
  flexible: 'none',
  fields: `
    groupId  string
  `,
} as const;

export const consumerGroupMetadataValueTable = {
  name: 'ConsumerGroupMetadataValue',
  versions: '0',
  flexible: '0+',
  fields: `
    epoch         int32
    metadataHash  int64    tag 0 = 0
  `,
} as const;
