// CreateTopics (API key 19). Owner: the shard's thread; the controller decides.

import { ErrorCode } from '../../../engine/base/error-code.ts';
import { createTopicsApi } from '../schema/generated/create-topics.ts';
import { apiHandler } from './api-handler.ts';

export const createTopicsHandler = apiHandler({
  api: createTopicsApi,
  async handle({ services }, request) {
    const results = await services.controller.createTopics({
      validateOnly: request.validateOnly,
      topics: request.topics.map((topic) => ({
        name: topic.name,
        partitionCount: topic.numPartitions,
        replicationFactor: topic.replicationFactor,
        assignments: topic.assignments.map(({ partitionIndex, brokerIds }) => ({ partitionIndex, nodeIds: brokerIds })),
        configs: topic.configs,
      })),
    });
    return {
      topics: results.map((result) => ({
        name: result.name,
        topicId: result.topicId,
        errorCode: result.errorCode,
        errorMessage: result.errorMessage,
        numPartitions: result.partitionCount,
        replicationFactor: result.replicationFactor,
        configs:
          result.errorCode === ErrorCode.NONE ? result.configs.map(({ source, ...config }) => ({ ...config, configSource: source })) : null,
      })),
    };
  },
});
