// DescribeProducers (API key 61): who writes to a partition idempotently. Owner: the shard's thread.

import { describeProducersApi } from '../schema/generated/describe-producers.ts';
import { apiHandler } from './api-handler.ts';
import { perPartition } from './per-partition.ts';

export const describeProducersHandler = apiHandler({
  api: describeProducersApi,
  async handle({ services }, request) {
    const topics = await perPartition(
      request.topics.map(({ name, partitionIndexes }) => ({ name, partitions: partitionIndexes })),
      (topic, partition) => ({ topic: topic.name, partition }),
      (queries) => services.partitions.describeProducers(queries),
      (partitionIndex, { errorCode, producers }) => ({
        partitionIndex,
        errorCode,
        activeProducers: producers,
      }),
    );
    return { throttleTimeMs: 0, topics: topics.map(({ topic, partitions }) => ({ name: topic.name, partitions })) };
  },
});
