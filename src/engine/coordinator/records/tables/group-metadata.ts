// A record of the offsets topic, in the notation of net/kafka/schema/table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

export const groupMetadataKeyTable = {
  name: 'GroupMetadataKey',
  recordType: 2,
  versions: '0',
  flexible: 'none',
  fields: `
    group  string
  `,
} as const;

export const groupMetadataValueTable = {
  name: 'GroupMetadataValue',
  versions: '0-4',
  flexible: '4+',
  fields: `
    protocolType           string
    generation             int32
    protocol               string?
    leader                 string?
    currentStateTimestamp  int64             2+  = -1 ignorable
    members                []MemberMetadata
    struct MemberMetadata
      memberId             string
      groupInstanceId      string?           3+  = null ignorable
      clientId             string
      clientHost           string
      rebalanceTimeout     int32             1+  = -1 ignorable
      sessionTimeout       int32
      subscription         bytes
      assignment           bytes
  `,
} as const;
