// DeleteGroups (API key 42). Owner: the shard's thread; the coordinator of each group decides.

import { deleteGroupsApi } from '../schema/generated/delete-groups.ts';
import { apiHandler } from './api-handler.ts';

export const deleteGroupsHandler = apiHandler({
  api: deleteGroupsApi,
  async handle({ services }, request) {
    const results = request.groupsNames.map(async (groupId) => ({ groupId, ...(await services.groups.deleteGroup({ groupId })) }));
    return { throttleTimeMs: 0, results: await Promise.all(results) };
  },
});
