// DeleteRecords (API key 21): nothing below an offset is readable any more. Owner: the shard's thread.

import { deleteRecordsApi } from '../schema/generated/delete-records.ts';
import { apiHandler } from './api-handler.ts';
import { perPartition } from './per-partition.ts';

export const deleteRecordsHandler = apiHandler({
  api: deleteRecordsApi,
  async handle({ services }, request) {
    const topics = await perPartition(
      request.topics,
      (topic, { partitionIndex, offset }) => ({ topic: topic.name, partition: partitionIndex, offset }),
      (queries) => services.partitions.deleteRecords(queries),
      ({ partitionIndex }, answer) => ({ partitionIndex, ...answer }),
    );
    return { throttleTimeMs: 0, topics: topics.map(({ topic, partitions }) => ({ name: topic.name, partitions })) };
  },
});
