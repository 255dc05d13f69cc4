// IncrementalAlterConfigs (API key 44): set, delete, append to or subtract from single configs.
// Owner: the shard's thread; the controller decides.

import { incrementalAlterConfigsApi } from '../schema/generated/incremental-alter-configs.ts';
import { apiHandler } from './api-handler.ts';

export const incrementalAlterConfigsHandler = apiHandler({
  api: incrementalAlterConfigsApi,
  async handle({ services }, request) {
    const results = await services.controller.incrementalAlterConfigs({
      validateOnly: request.validateOnly,
      resources: request.resources.map(({ resourceType, resourceName, configs }) => ({
        type: resourceType,
        name: resourceName,
        configs: configs.map(({ name, configOperation, value }) => ({ name, operation: configOperation, value })),
      })),
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
