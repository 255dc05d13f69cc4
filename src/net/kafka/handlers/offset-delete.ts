// OffsetDelete (API key 47). Owner: the shard's thread; the group's coordinator decides.

import { offsetDeleteApi } from '../schema/generated/offset-delete.ts';
import { apiHandler } from './api-handler.ts';

export const offsetDeleteHandler = apiHandler({
  api: offsetDeleteApi,
  async handle({ services }, request) {
    const { errorCode, topics } = await services.groups.deleteOffsets({
      groupId: request.groupId,
      topics: request.topics.map(({ name, partitions }) => ({ name, partitions: partitions.map(({ partitionIndex }) => partitionIndex) })),
    });
    return {
      errorCode,
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map((one) => ({ partitionIndex: one.partition, errorCode: one.errorCode })),
      })),
    };
  },
});
