// OffsetCommit (API key 8). Owner: the shard's thread; the group's coordinator decides.

import { ErrorCode } from '../../../engine/base/error-code.ts';
import type { MetadataImage } from '../../../engine/metadata/metadata-image.ts';
import { type OffsetCommitRequestTopic, offsetCommitApi } from '../schema/generated/offset-commit.ts';
import { apiHandler } from './api-handler.ts';

/** From this version on a group that does not exist has an error of its own. */
const GROUP_NOT_FOUND_SINCE = 9;
/** From this version on topics are known by id, and have no name in the request. */
const TOPIC_IDS_SINCE = 10;
/** A client may ask for any int64; added to a time, this is still a number. */
const RETENTION_MAX_MS = 2 ** 52;

export const offsetCommitHandler = apiHandler({
  api: offsetCommitApi,
  async handle({ services, apiVersion }, request) {
    const { groupId, generationIdOrMemberEpoch, memberId, groupInstanceId, retentionTimeMs } = request;
    const image = services.image();
    const known = request.topics.flatMap((topic) => {
      const name = nameOf(image, topic, apiVersion);
      return name === undefined ? [] : [{ name, partitions: topic.partitions.map((partition) => offsetOf(partition)) }];
    });
    const { topics } = await services.groups.commitOffsets({
      groupId,
      generationId: generationIdOrMemberEpoch,
      memberId,
      groupInstanceId,
      retentionTimeMs: Math.min(retentionTimeMs, RETENTION_MAX_MS),
      tellsGroupNotFound: apiVersion >= GROUP_NOT_FOUND_SINCE,
      topics: known,
    });
    let next = 0;
    return {
      topics: request.topics.map((topic) => {
        const { name, topicId } = topic;
        // Topics and partitions come back in the order asked, those without a name were not asked.
        const answered = nameOf(image, topic, apiVersion) === undefined ? null : topics[next++]!.partitions;
        const partitions = topic.partitions.map(({ partitionIndex }, i) => ({
          partitionIndex,
          errorCode: answered === null ? ErrorCode.UNKNOWN_TOPIC_ID : answered[i]!.errorCode,
        }));
        return { name, topicId, partitions };
      }),
    };
  },
});

function nameOf(image: MetadataImage, topic: OffsetCommitRequestTopic, apiVersion: number): string | undefined {
  return apiVersion >= TOPIC_IDS_SINCE ? image.topicById(topic.topicId)?.name : topic.name;
}

function offsetOf(partition: OffsetCommitRequestTopic['partitions'][number]) {
  return {
    partition: partition.partitionIndex,
    offset: partition.committedOffset,
    leaderEpoch: partition.committedLeaderEpoch,
    metadata: partition.committedMetadata,
  };
}
