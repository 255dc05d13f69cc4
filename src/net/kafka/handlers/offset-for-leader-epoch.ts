// OffsetForLeaderEpoch (API key 23): where an epoch ended, for clients that check their position after a leader change.
// Owner: the shard's thread.

import { offsetForLeaderEpochApi } from '../schema/generated/offset-for-leader-epoch.ts';
import { apiHandler } from './api-handler.ts';
import { perPartition } from './per-partition.ts';

export const offsetForLeaderEpochHandler = apiHandler({
  api: offsetForLeaderEpochApi,
  async handle({ services }, request) {
    const topics = await perPartition(
      request.topics,
      (topic, { partition, currentLeaderEpoch, leaderEpoch }) => ({ topic: topic.topic, partition, currentLeaderEpoch, leaderEpoch }),
      (queries) => services.partitions.offsetsForLeaderEpoch(queries),
      ({ partition }, answer) => ({ partition, ...answer }),
    );
    return { topics: topics.map(({ topic, partitions }) => ({ topic: topic.topic, partitions })) };
  },
});
