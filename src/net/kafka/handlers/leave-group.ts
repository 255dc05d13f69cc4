// LeaveGroup (API key 13). Owner: the shard's thread; the group's coordinator decides.

import { ErrorCode } from '../../../engine/base/error-code.ts';
import { leaveGroupApi } from '../schema/generated/leave-group.ts';
import { apiHandler } from './api-handler.ts';

/** From this version on any number of members can leave at once, and each has an error of its own. */
const BATCHED_SINCE = 3;

export const leaveGroupHandler = apiHandler({
  api: leaveGroupApi,
  async handle({ services, apiVersion }, request) {
    const { groupId } = request;
    if (apiVersion >= BATCHED_SINCE) {
      const members = request.members.map(({ memberId, groupInstanceId }) => ({ memberId, groupInstanceId }));
      return services.groups.leaveGroup({ groupId, members });
    }
    const answer = await services.groups.leaveGroup({ groupId, members: [{ memberId: request.memberId, groupInstanceId: null }] });
    return { errorCode: answer.errorCode !== ErrorCode.NONE ? answer.errorCode : answer.members[0]!.errorCode };
  },
});
