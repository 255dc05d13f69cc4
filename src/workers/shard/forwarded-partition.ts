// Which partition a forwarded message means. Owner: the shard's thread.

import { crc32c } from '../../engine/base/crc32c.ts';
import { ErrorCode } from '../../engine/base/error-code.ts';
import type { ShardBroker } from '../../engine/broker/shard-broker.ts';
import type { Partition } from '../../engine/partition/partition.ts';
import type { Mailbox } from '../ring/mailbox.ts';

/** The partition named by the topic id at `topicIdOffset` of the mail and an index, or Kafka's error for why it is not here. */
export function findForwarded(broker: ShardBroker, mailbox: Mailbox, topicIdOffset: number, index: number): Partition | number {
  const { bytes } = mailbox.inbound;
  const topic = broker.topics.find(bytes, topicIdOffset, -1, crc32c(bytes, topicIdOffset, 16) | 0);
  if (topic === null) return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
  if (index < 0 || index >= topic.leaderNodeIds.length) return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
  return topic.partitions[index] ?? broker.absenceOf(topic, index);
}
