// CreatePartitions (API key 37). Owner: the shard's thread; the controller decides.

import { createPartitionsApi } from '../schema/generated/create-partitions.ts';
import { apiHandler } from './api-handler.ts';

export const createPartitionsHandler = apiHandler({
  api: createPartitionsApi,
  async handle({ services }, request) {
    const results = await services.controller.createPartitions({
      validateOnly: request.validateOnly,
      topics: request.topics.map(({ name, count, assignments }) => ({
        name,
        count,
        assignments: assignments?.map(({ brokerIds }) => brokerIds) ?? null,
      })),
    });
    return { throttleTimeMs: 0, results };
  },
});
