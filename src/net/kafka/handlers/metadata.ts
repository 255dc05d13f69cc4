// Metadata (API key 3): which node leads which partition; creates topics on first sight where that is allowed.
// Owner: the shard's thread.

import { ErrorCode } from '../../../engine/base/error-code.ts';
import { topicNameProblem } from '../../../engine/base/topic-name.ts';
import { ZERO_UUID } from '../../../engine/base/uuid.ts';
import type { MetadataImage, NodeImage, PartitionImage, TopicImage } from '../../../engine/metadata/metadata-image.ts';
import { metadataApi, type MetadataRequest, type MetadataResponseTopicInput } from '../schema/generated/metadata.ts';
import { apiHandler, type RequestContext } from './api-handler.ts';

/** Versions 10 and 11 have the field but, as in Kafka, do not take it. */
const TOPIC_IDS_SINCE = 12;

export const metadataHandler = apiHandler({
  api: metadataApi,
  async handle(context, request) {
    const { services, apiVersion } = context;
    const all = request.topics === null || (apiVersion === 0 && request.topics.length === 0);
    if (!all && apiVersion < TOPIC_IDS_SINCE && request.topics!.some(({ name, topicId }) => name === null || topicId !== ZERO_UUID)) {
      const topics = request.topics!.map(({ name, topicId }) => unknown(name ?? '', topicId, ErrorCode.INVALID_REQUEST));
      return { brokers: nodesOf(services.image(), context.listener), topics };
    }
    const refused = all ? new Map<string, number>() : await createMissing(context, request);
    const image = services.image();
    const topics = all
      ? [...image.topicsByName.values()].map((topic) => describe(topic))
      : request.topics!.map(({ name, topicId }) => answerOf(image, name, topicId, refused));
    return {
      brokers: nodesOf(image, context.listener),
      clusterId: image.clusterId,
      controllerId: image.controllerId,
      topics,
    };
  },
});

/** The nodes, each with its address on the listener the client came in by. */
export function nodesOf(image: MetadataImage, listener: string): { nodeId: number; host: string; port: number; rack: string | null }[] {
  return [...image.nodes.values()].map((node) => ({ nodeId: node.nodeId, ...addressOf(node, listener), rack: node.rack }));
}

export function addressOf(node: NodeImage, listener: string): { host: string; port: number } {
  const { host, port } = node.endpoints.find((endpoint) => endpoint.listener === listener) ?? node;
  return { host, port };
}

/** Create what is asked for by name and does not exist. @returns why not, by name */
async function createMissing(context: RequestContext, request: MetadataRequest): Promise<Map<string, number>> {
  const { services } = context;
  const refused = new Map<string, number>();
  if (!request.allowAutoTopicCreation || !services.effectiveConfig()['auto.create.topics.enable']) return refused;
  const image = services.image();
  const missing = new Set<string>();
  for (const { name } of request.topics!) {
    if (name !== null && image.topic(name) === undefined && topicNameProblem(name) === null) missing.add(name);
  }
  if (missing.size === 0) return refused;
  const results = await services.controller.autoCreateTopics([...missing]);
  for (const { name, errorCode } of results) if (errorCode !== ErrorCode.NONE) refused.set(name, errorCode);
  const created = results.filter(({ errorCode }) => errorCode === ErrorCode.NONE).map(({ name }) => name);
  await services.imageWith((newer) => created.every((name) => newer.topic(name) !== undefined), services.config['request.timeout.ms']);
  return refused;
}

function answerOf(
  image: MetadataImage,
  name: string | null,
  topicId: string,
  refused: ReadonlyMap<string, number>,
): MetadataResponseTopicInput {
  if (name === null) {
    const topic = image.topicById(topicId);
    return topic === undefined ? unknown(null, topicId, ErrorCode.UNKNOWN_TOPIC_ID) : describe(topic);
  }
  const topic = image.topic(name);
  if (topic !== undefined) return describe(topic);
  if (topicNameProblem(name) !== null) return unknown(name, ZERO_UUID, ErrorCode.INVALID_TOPIC_EXCEPTION);
  return unknown(name, ZERO_UUID, refused.get(name) ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
}

function unknown(name: string | null, topicId: string, errorCode: number): MetadataResponseTopicInput {
  return { errorCode, name, topicId, isInternal: false, partitions: [] };
}

function describe(topic: TopicImage): MetadataResponseTopicInput {
  return {
    errorCode: ErrorCode.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.internal,
    partitions: topic.partitions.map((partition) => describePartition(partition)),
  };
}

function describePartition(partition: PartitionImage) {
  return {
    errorCode: partition.leaderNodeId < 0 ? ErrorCode.LEADER_NOT_AVAILABLE : ErrorCode.NONE,
    partitionIndex: partition.index,
    leaderId: partition.leaderNodeId,
    leaderEpoch: partition.leaderEpoch,
    replicaNodes: partition.replicas,
    isrNodes: partition.isr,
    offlineReplicas: partition.leaderNodeId < 0 ? partition.replicas : [],
  };
}
