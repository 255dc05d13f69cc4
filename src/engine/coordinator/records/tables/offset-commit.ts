// A record of the offsets topic, in the notation of net/kafka/schema/table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

export const offsetCommitKeyTable = {
  name: 'OffsetCommitKey',
  recordType: 1,
  versions: '0',
  flexible: 'none',
  fields: `
    group      string
    topic      string
    partition  int32
  `,
} as const;

export const offsetCommitValueTable = {
  name: 'OffsetCommitValue',
  versions: '0-4',
  flexible: '4+',
  fields: `
    offset           int64
    leaderEpoch      int32   3+  = -1 ignorable
    metadata         string
    commitTimestamp  int64
    expireTimestamp  int64   1   = -1 ignorable
    topicId          uuid    4+  tag 0 ignorable
  `,
} as const;
