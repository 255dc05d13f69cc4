// DescribeTopicPartitions (API key 75): topics and partitions in pages. Owner: the shard's thread.

import { ErrorCode } from '../../../engine/base/error-code.ts';
import type { TopicImage } from '../../../engine/metadata/metadata-image.ts';
import {
  describeTopicPartitionsApi,
  type DescribeTopicPartitionsResponseCursorInput,
  type DescribeTopicPartitionsResponseTopicInput,
} from '../schema/generated/describe-topic-partitions.ts';
import { apiHandler } from './api-handler.ts';

export const describeTopicPartitionsHandler = apiHandler({
  api: describeTopicPartitionsApi,
  handle({ services }, request) {
    const image = services.image();
    const limit = Math.min(Math.max(request.responsePartitionLimit, 1), services.config['max.request.partition.size.limit']);
    const asked = request.topics.length > 0 ? request.topics.map(({ name }) => name) : [...image.topicsByName.keys()];
    // Pages follow one another by name, so that a cursor means the same in the next request.
    const names = [...new Set(asked)].sort().filter((name) => request.cursor === null || name >= request.cursor.topicName);
    const topics: DescribeTopicPartitionsResponseTopicInput[] = [];
    let left = limit;
    for (const name of names) {
      const topic = image.topic(name);
      if (topic === undefined) {
        topics.push({ errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, name, partitions: [] });
        continue;
      }
      if (left === 0) return { topics, nextCursor: { topicName: name, partitionIndex: 0 } };
      const from = request.cursor?.topicName === name ? Math.max(request.cursor.partitionIndex, 0) : 0;
      const page = describe(topic, from, left);
      topics.push(page.topic);
      left -= page.topic.partitions.length;
      if (page.nextCursor !== null) return { topics, nextCursor: page.nextCursor };
    }
    return { topics, nextCursor: null };
  },
});

interface Page {
  readonly topic: DescribeTopicPartitionsResponseTopicInput;
  readonly nextCursor: DescribeTopicPartitionsResponseCursorInput | null;
}

function describe(topic: TopicImage, from: number, limit: number): Page {
  const end = Math.min(topic.partitions.length, from + limit);
  const partitions = topic.partitions.slice(from, end).map((partition) => ({
    errorCode: partition.leaderNodeId < 0 ? ErrorCode.LEADER_NOT_AVAILABLE : ErrorCode.NONE,
    partitionIndex: partition.index,
    leaderId: partition.leaderNodeId,
    leaderEpoch: partition.leaderEpoch,
    replicaNodes: partition.replicas,
    isrNodes: partition.isr,
    eligibleLeaderReplicas: [],
    lastKnownElr: [],
    offlineReplicas: partition.leaderNodeId < 0 ? partition.replicas : [],
  }));
  return {
    topic: { errorCode: ErrorCode.NONE, name: topic.name, topicId: topic.id, isInternal: topic.internal, partitions },
    nextCursor: end < topic.partitions.length ? { topicName: topic.name, partitionIndex: end } : null,
  };
}
