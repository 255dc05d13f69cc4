// Heartbeat (API key 12). Owner: the shard's thread; the group's coordinator decides.

import { heartbeatApi } from '../schema/generated/heartbeat.ts';
import { apiHandler } from './api-handler.ts';

export const heartbeatHandler = apiHandler({
  api: heartbeatApi,
  handle({ services }, { groupId, generationId, memberId, groupInstanceId }) {
    return services.groups.heartbeat({ groupId, generationId, memberId, groupInstanceId });
  },
});
