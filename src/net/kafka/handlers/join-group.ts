// JoinGroup (API key 11). Owner: the shard's thread; the group's coordinator decides.

import { joinGroupApi } from '../schema/generated/join-group.ts';
import { apiHandler } from './api-handler.ts';

/** From these versions on a member without an id is told one first, no protocol is null instead of empty, and a leader
 * can be told not to assign. */
const MEMBER_ID_REQUIRED_SINCE = 4;
const PROTOCOL_NULLABLE_SINCE = 7;
const SKIP_ASSIGNMENT_SINCE = 9;

export const joinGroupHandler = apiHandler({
  api: joinGroupApi,
  async handle({ services, apiVersion, clientId, clientHost }, request) {
    const { groupId, memberId, groupInstanceId, sessionTimeoutMs, rebalanceTimeoutMs, protocolType, protocols } = request;
    const answer = await services.groups.joinGroup({
      groupId,
      memberId,
      groupInstanceId,
      clientId,
      clientHost: `/${clientHost}`,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      protocolType,
      protocols,
      memberIdRequired: apiVersion >= MEMBER_ID_REQUIRED_SINCE,
      canSkipAssignment: apiVersion >= SKIP_ASSIGNMENT_SINCE,
    });
    return apiVersion >= PROTOCOL_NULLABLE_SINCE ? answer : { ...answer, protocolName: answer.protocolName ?? '' };
  },
});
