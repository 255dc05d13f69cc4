// A record of the offsets topic, in the notation of net/kafka/schema/table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

export const consumerGroupMemberMetadataKeyTable = {
  name: 'ConsumerGroupMemberMetadataKey',
  recordType: 5,
  versions: '0',
  flexible: 'none',
  fields: `
    groupId   string
    memberId  string
  `,
} as const;

export const consumerGroupMemberMetadataValueTable = {
  name: 'ConsumerGroupMemberMetadataValue',
  versions: '0',
  flexible: '0+',
  fields: `
    instanceId             string?
    rackId                 string?
    clientId               string
    clientHost             string
    subscribedTopicNames   []string
    subscribedTopicRegex   string?
    rebalanceTimeoutMs     int32                     = -1
    serverAssignor         string?
    classicMemberMetadata  ClassicMemberMetadata?    tag 0 = null
      sessionTimeoutMs     int32
      supportedProtocols   []ClassicProtocol
        name               string
        metadata           bytes
  `,
} as const;
