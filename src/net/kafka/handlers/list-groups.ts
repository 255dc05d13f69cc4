// ListGroups (API key 16): the groups this node answers for. Owner: the shard's thread.

import { listGroupsApi } from '../schema/generated/list-groups.ts';
import { apiHandler } from './api-handler.ts';

export const listGroupsHandler = apiHandler({
  api: listGroupsApi,
  async handle({ services }, { statesFilter, typesFilter }) {
    const { errorCode, groups } = await services.groups.listGroups({ states: statesFilter, types: typesFilter });
    return {
      errorCode,
      groups: groups.map(({ groupId, protocolType, state, type }) => ({ groupId, protocolType, groupState: state, groupType: type })),
    };
  },
});
