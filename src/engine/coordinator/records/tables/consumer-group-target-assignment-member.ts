// A record of the offsets topic, in the notation of net/kafka/schema/table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

export const consumerGroupTargetAssignmentMemberKeyTable = {
  name: 'ConsumerGroupTargetAssignmentMemberKey',
  recordType: 7,
  versions: '0',
  flexible: 'none',
  fields: `
    groupId   string
    memberId  string
  `,
} as const;

export const consumerGroupTargetAssignmentMemberValueTable = {
  name: 'ConsumerGroupTargetAssignmentMemberValue',
  versions: '0',
  flexible: '0+',
  fields: `
    topicPartitions  []TopicPartition
      topicId        uuid
      partitions     []int32
  `,
} as const;
