// OffsetFetch (API key 9). Owner: the shard's thread; the coordinator of each group answers.

import { ErrorCode } from '../../../engine/base/error-code.ts';
import { ZERO_UUID } from '../../../engine/base/uuid.ts';
import type { FetchOffsetsAnswer } from '../../../engine/coordinator/group-coordinator.ts';
import type { MetadataImage } from '../../../engine/metadata/metadata-image.ts';
import { offsetFetchApi } from '../schema/generated/offset-fetch.ts';
import { apiHandler, type RequestContext } from './api-handler.ts';

/** From these versions on an error can be of the whole group, a request asks for any number of groups, and topics are
 * known by id. */
const GROUP_ERROR_SINCE = 2;
const BATCHED_SINCE = 8;
const TOPIC_IDS_SINCE = 10;

interface AskedTopic {
  readonly name: string;
  readonly topicId: string;
  readonly partitionIndexes: readonly number[];
}

interface AskedGroup {
  readonly groupId: string;
  /** Null: all that the group has committed. */
  readonly topics: readonly AskedTopic[] | null;
}

type Answered = FetchOffsetsAnswer['topics'][number]['partitions'];

export const offsetFetchHandler = apiHandler({
  api: offsetFetchApi,
  async handle(context, request) {
    const { requireStable } = request;
    if (context.apiVersion >= BATCHED_SINCE) {
      return { groups: await Promise.all(request.groups.map((group) => fetchGroup(context, group, requireStable))) };
    }
    const asked = request.topics?.map((topic) => ({ ...topic, topicId: ZERO_UUID })) ?? null;
    const { errorCode, topics } = await fetchGroup(context, { groupId: request.groupId, topics: asked }, requireStable);
    // Version 1 has no place for an error of the group, so each partition tells it.
    if (context.apiVersion >= GROUP_ERROR_SINCE || errorCode === ErrorCode.NONE) return { errorCode, topics };
    return { topics: (asked ?? []).map(({ name, partitionIndexes }) => ({ name, partitions: refusedOf(partitionIndexes, errorCode) })) };
  },
});

async function fetchGroup({ services, apiVersion }: RequestContext, { groupId, topics }: AskedGroup, requireStable: boolean) {
  const image = services.image();
  const byId = apiVersion >= TOPIC_IDS_SINCE;
  const named = topics?.map((topic) => ({ ...topic, known: byId ? image.topicById(topic.topicId)?.name : topic.name })) ?? null;
  const { errorCode, topics: answered } = await services.groups.fetchOffsets({
    groupId,
    topics:
      named?.flatMap(({ known, partitionIndexes }) => (known === undefined ? [] : [{ name: known, partitions: partitionIndexes }])) ?? null,
    requireStable,
  });
  if (errorCode !== ErrorCode.NONE) return { groupId, errorCode, topics: [] };
  if (named === null) return { groupId, errorCode, topics: allOf(image, answered, byId) };
  let next = 0;
  return {
    groupId,
    errorCode,
    topics: named.map(({ name, topicId, known, partitionIndexes }) => ({
      name,
      topicId,
      partitions:
        known === undefined ? refusedOf(partitionIndexes, ErrorCode.UNKNOWN_TOPIC_ID) : partitionsOf(answered[next++]!.partitions),
    })),
  };
}

/** Offsets of topics that are gone cannot be told by id. */
function allOf(image: MetadataImage, answered: FetchOffsetsAnswer['topics'], byId: boolean) {
  return answered.flatMap(({ name, partitions }) => {
    const topicId = image.topic(name)?.id;
    if (topicId === undefined && byId) return [];
    return [{ name, topicId: topicId ?? ZERO_UUID, partitions: partitionsOf(partitions) }];
  });
}

function partitionsOf(answered: Answered) {
  return answered.map(({ partition, offset, leaderEpoch, metadata, errorCode }) => ({
    partitionIndex: partition,
    committedOffset: offset,
    committedLeaderEpoch: leaderEpoch,
    metadata,
    errorCode,
  }));
}

function refusedOf(partitionIndexes: readonly number[], errorCode: number) {
  return partitionIndexes.map((partitionIndex) => ({
    partitionIndex,
    committedOffset: -1,
    committedLeaderEpoch: -1,
    metadata: '',
    errorCode,
  }));
}
