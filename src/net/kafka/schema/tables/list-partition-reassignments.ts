// ListPartitionReassignments: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const listPartitionReassignmentsTable: ApiTable = {
  key: 46,
  name: 'ListPartitionReassignments',
  versions: '0',
  flexible: '0+',
  request: `
    timeoutMs           int32                                  = 60000
    topics              []ListPartitionReassignmentsTopics?    = null
      name              string
      partitionIndexes  []int32
  `,
  response: `
    throttleTimeMs        int32
    errorCode             int16
    errorMessage          string?
    topics                []OngoingTopicReassignment
      name                string
      partitions          []OngoingPartitionReassignment
        partitionIndex    int32
        replicas          []int32
        addingReplicas    []int32
        removingReplicas  []int32
  `,
};
