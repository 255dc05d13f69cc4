// SyncGroup (API key 14). Owner: the shard's thread; the group's coordinator decides.

import { syncGroupApi } from '../schema/generated/sync-group.ts';
import { apiHandler } from './api-handler.ts';

export const syncGroupHandler = apiHandler({
  api: syncGroupApi,
  handle({ services }, request) {
    const { groupId, generationId, memberId, groupInstanceId, protocolType, protocolName, assignments } = request;
    return services.groups.syncGroup({ groupId, generationId, memberId, groupInstanceId, protocolType, protocolName, assignments });
  },
});
