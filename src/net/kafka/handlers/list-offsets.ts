// ListOffsets (API key 2): the offset of a time, or one of the ends. Owner: the shard's thread.

import { listOffsetsApi } from '../schema/generated/list-offsets.ts';
import { apiHandler } from './api-handler.ts';
import { perPartition } from './per-partition.ts';

const READ_COMMITTED = 1;
const LEADER_EPOCH_SINCE = 4;

export const listOffsetsHandler = apiHandler({
  api: listOffsetsApi,
  async handle({ services, apiVersion }, request) {
    const readCommitted = request.isolationLevel === READ_COMMITTED;
    const topics = await perPartition(
      request.topics,
      (topic, { partitionIndex, currentLeaderEpoch, timestamp }) => ({
        topic: topic.name,
        partition: partitionIndex,
        currentLeaderEpoch,
        timestamp,
        readCommitted,
      }),
      (queries) => services.partitions.listOffsets(queries),
      ({ partitionIndex }, { leaderEpoch, ...answer }) => ({
        partitionIndex,
        ...answer,
        ...(apiVersion >= LEADER_EPOCH_SINCE ? { leaderEpoch } : {}),
      }),
    );
    return { topics: topics.map(({ topic, partitions }) => ({ name: topic.name, partitions })) };
  },
});
