// The blobs that classic consumers exchange through a group, in the notation of net/kafka/schema/table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

export const consumerProtocolSubscriptionTable = {
  name: 'ConsumerProtocolSubscription',
  versions: '0-3',
  flexible: 'none',
  fields: `
    topics           []string
    userData         bytes?                = null
    ownedPartitions  []TopicPartition  1+  ignorable
      topic          string
      partitions     []int32
    generationId     int32             2+  = -1 ignorable
    rackId           string?           3+  = null ignorable
  `,
} as const;

export const consumerProtocolAssignmentTable = {
  name: 'ConsumerProtocolAssignment',
  versions: '0-3',
  flexible: 'none',
  fields: `
    assignedPartitions  []TopicPartition
      topic             string
      partitions        []int32
    userData            bytes?              = null
  `,
} as const;
