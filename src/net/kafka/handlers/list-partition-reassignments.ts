// ListPartitionReassignments (API key 46): none, ever: a partition has one replica and stays on its shard.
// Owner: the shard's thread.

import { ErrorCode } from '../../../engine/base/error-code.ts';
import { listPartitionReassignmentsApi } from '../schema/generated/list-partition-reassignments.ts';
import { apiHandler } from './api-handler.ts';

export const listPartitionReassignmentsHandler = apiHandler({
  api: listPartitionReassignmentsApi,
  handle: () => ({ throttleTimeMs: 0, errorCode: ErrorCode.NONE, errorMessage: null, topics: [] }),
});
