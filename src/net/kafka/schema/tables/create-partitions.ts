// CreatePartitions: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const createPartitionsTable: ApiTable = {
  key: 37,
  name: 'CreatePartitions',
  versions: '0-3',
  flexible: '2+',
  request: `
    topics         []CreatePartitionsTopic
      name         string
      count        int32
      assignments  []CreatePartitionsAssignment?
        brokerIds  []int32
    timeoutMs      int32
    validateOnly   bool
  `,
  response: `
    throttleTimeMs  int32
    results         []CreatePartitionsTopicResult
      name          string
      errorCode     int16
      errorMessage  string?                          = null
  `,
};
