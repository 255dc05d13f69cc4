// AlterConfigs (API key 33): replaces all overrides of a resource; older clients use it.
// Owner: the shard's thread; the controller decides.

import { alterConfigsApi } from '../schema/generated/alter-configs.ts';
import { apiHandler } from './api-handler.ts';

export const alterConfigsHandler = apiHandler({
  api: alterConfigsApi,
  async handle({ services }, request) {
    const results = await services.controller.alterConfigs({
      validateOnly: request.validateOnly,
      resources: request.resources.map(({ resourceType, resourceName, configs }) => ({ type: resourceType, name: resourceName, configs })),
    });
    return {
      throttleTimeMs: 0,
      responses: results.map(({ type, name, errorCode, errorMessage }) => ({
        resourceType: type,
        resourceName: name,
        errorCode,
        errorMessage,
      })),
    };
  },
});
