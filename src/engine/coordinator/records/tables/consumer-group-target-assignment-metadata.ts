// A record of the offsets topic, in the notation of net/kafka/schema/table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

export const consumerGroupTargetAssignmentMetadataKeyTable = {
  name: 'ConsumerGroupTargetAssignmentMetadataKey',
  recordType: 6,
  versions: '0',
  flexible: 'none',
  fields: `
    groupId  string
  `,
} as const;

export const consumerGroupTargetAssignmentMetadataValueTable = {
  name: 'ConsumerGroupTargetAssignmentMetadataValue',
  versions: '0',
  flexible: '0+',
  fields: `
    assignmentEpoch      int32
    assignmentTimestamp  int64    tag 0 = 0 ignorable
  `,
} as const;
