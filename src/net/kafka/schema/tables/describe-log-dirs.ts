// DescribeLogDirs: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const describeLogDirsTable: ApiTable = {
  key: 35,
  name: 'DescribeLogDirs',
  versions: '1-5',
  flexible: '2+',
  request: `
    topics        []DescribableLogDirTopic?
      topic       string
      partitions  []int32
  `,
  response: `
    throttleTimeMs        int32
    errorCode             int16                       3+  ignorable
    results               []DescribeLogDirsResult
      errorCode           int16
      logDir              string
      topics              []DescribeLogDirsTopic
        name              string
        partitions        []DescribeLogDirsPartition
          partitionIndex  int32
          partitionSize   int64
          offsetLag       int64
          isFutureKey     bool
      totalBytes          int64                       4+  = -1 ignorable
      usableBytes         int64                       4+  = -1 ignorable
      isCordoned          bool                        5+  = false ignorable
  `,
};
