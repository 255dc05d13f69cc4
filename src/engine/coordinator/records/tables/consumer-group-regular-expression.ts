// A record of the offsets topic, in the notation of net/kafka/schema/table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

export const consumerGroupRegularExpressionKeyTable = {
  name: 'ConsumerGroupRegularExpressionKey',
  recordType: 16,
  versions: '0',
  flexible: 'none',
  fields: `
    groupId            string
    regularExpression  string
  `,
} as const;

export const consumerGroupRegularExpressionValueTable = {
  name: 'ConsumerGroupRegularExpressionValue',
  versions: '0',
  flexible: '0+',
  fields: `
    topics     []string
    version    int64
    timestamp  int64
  `,
} as const;
