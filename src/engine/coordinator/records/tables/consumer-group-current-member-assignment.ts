// A record of the offsets topic, in the notation of net/kafka/schema/table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

export const consumerGroupCurrentMemberAssignmentKeyTable = {
  name: 'ConsumerGroupCurrentMemberAssignmentKey',
  recordType: 8,
  versions: '0',
  flexible: 'none',
  fields: `
    groupId   string
    memberId  string
  `,
} as const;

export const consumerGroupCurrentMemberAssignmentValueTable = {
  name: 'ConsumerGroupCurrentMemberAssignmentValue',
  versions: '0',
  flexible: '0+',
  fields: `
    memberEpoch                  int32
    previousMemberEpoch          int32
    state                        int8
    assignedPartitions           []TopicPartitions
    partitionsPendingRevocation  []TopicPartitions
    struct TopicPartitions
      topicId                    uuid
      partitions                 []int32
      assignmentEpochs           []int32?             tag 0 = null
  `,
} as const;
