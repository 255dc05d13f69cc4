// What the gateway may do with the broker: records in and out, offsets, groups; and the bounds it keeps. Owner: implemented
// by the caller of workers/caller, on the supervisor's thread.

import type { LogAccess } from '../../../engine/broker/log-access.ts';
import type { PartitionVerbs } from '../../../engine/broker/partition-verbs.ts';
import type { GroupCoordinator } from '../../../engine/coordinator/group-coordinator.ts';
import type { MetadataImage, TopicImage } from '../../../engine/metadata/metadata-image.ts';
import { HttpRefusal } from '../http-exchange.ts';

export interface GatewayLog extends LogAccess {
  readonly image: MetadataImage;
  readonly partitions: PartitionVerbs;
  readonly groups: Pick<GroupCoordinator, 'fetchOffsets'>;
  limits(topic: TopicImage): TopicLimits;
}

/** What a topic takes. */
export interface TopicLimits {
  /** The largest batch. */
  readonly maxBatchBytes: number;
  /** It wants a key on each record. */
  readonly compacts: boolean;
  /** How far times may be from now. */
  readonly timestampSpanMs: number;
}

export interface GatewayTerms {
  /** @throws HttpRefusal while the broker is not up */
  log(): GatewayLog;
  /** An acks=all answer means that the records are on the disk. */
  readonly syncsBeforeAck: boolean;
  /** Of a body that is taken whole, and of one line of a stream of lines. */
  readonly bodyBytesMax: number;
  /** Of all bodies that wait for their answer. */
  readonly inFlightBytesMax: number;
  wallMs(): number;
  /** A client was cut off for a reason of its own. */
  turnedAway(remote: string, reason: string): void;
}

/** @throws HttpRefusal 404 */
export function topicNamed(log: GatewayLog, name: string): TopicImage {
  const topic = log.image.topic(name);
  if (topic === undefined)
    throw new HttpRefusal(404, `there is no topic '${name}': create it first, as with: ringlog topic create ${name}`);
  return topic;
}

/** @throws HttpRefusal 400, 404 */
export function partitionNumber(topic: TopicImage, text: string): number {
  const count = topic.partitions.length;
  if (!/^\d{1,9}$/.test(text)) throw new HttpRefusal(400, `'${text}' is no partition: topic ${topic.name} has 0 to ${count - 1}`);
  if (Number(text) >= count) throw new HttpRefusal(404, `topic ${topic.name} has partitions 0 to ${count - 1}, not ${text}`);
  return Number(text);
}
