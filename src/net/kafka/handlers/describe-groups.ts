// DescribeGroups (API key 15). Owner: the shard's thread; the coordinator of each group answers.

import { ErrorCode } from '../../../engine/base/error-code.ts';
import { describeGroupsApi } from '../schema/generated/describe-groups.ts';
import { apiHandler } from './api-handler.ts';

/** From this version on a group that does not exist is an error; before it is in state Dead. */
const GROUP_NOT_FOUND_SINCE = 6;
/** Without authorisation everybody may do what can be done to a group: read 3, delete 6, describe 8, and describe and
 * alter its configs, 10 and 11. */
const ALL_OPERATIONS = (1 << 3) | (1 << 6) | (1 << 8) | (1 << 10) | (1 << 11);
const NOT_ASKED = -0x8000_0000;

export const describeGroupsHandler = apiHandler({
  api: describeGroupsApi,
  async handle({ services, apiVersion }, request) {
    const groups = request.groups.map(async (groupId) => {
      const answer = await services.groups.describeGroup({ groupId });
      const missing = answer.errorCode === ErrorCode.GROUP_ID_NOT_FOUND;
      const told = missing && apiVersion >= GROUP_NOT_FOUND_SINCE;
      return {
        errorCode: missing && !told ? ErrorCode.NONE : answer.errorCode,
        errorMessage: told ? `group ${groupId} not found` : null,
        groupId,
        groupState: answer.state,
        protocolType: answer.protocolType,
        protocolData: answer.protocolData,
        members: answer.members.map(({ metadata, assignment, ...member }) => ({
          ...member,
          memberMetadata: metadata,
          memberAssignment: assignment,
        })),
        authorizedOperations: request.includeAuthorizedOperations && answer.errorCode === ErrorCode.NONE ? ALL_OPERATIONS : NOT_ASKED,
      };
    });
    return { groups: await Promise.all(groups) };
  },
});
