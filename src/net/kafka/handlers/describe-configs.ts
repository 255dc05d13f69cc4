// DescribeConfigs (API key 32): values, where they come from, and what they would be without. Owner: the shard's thread.

import { describeConfigsApi } from '../schema/generated/describe-configs.ts';
import { apiHandler } from './api-handler.ts';

export const describeConfigsHandler = apiHandler({
  api: describeConfigsApi,
  async handle({ services }, request) {
    const results = await services.controller.describeConfigs({
      includeSynonyms: request.includeSynonyms,
      includeDocumentation: request.includeDocumentation,
      resources: request.resources.map(({ resourceType, resourceName, configurationKeys }) => ({
        type: resourceType,
        name: resourceName,
        keys: configurationKeys,
      })),
    });
    return {
      throttleTimeMs: 0,
      results: results.map(({ errorCode, errorMessage, type, name, configs }) => ({
        errorCode,
        errorMessage,
        resourceType: type,
        resourceName: name,
        configs: configs.map(({ source, type: configType, ...config }) => ({ ...config, configSource: source, configType })),
      })),
    };
  },
});
