// Reads one partition from an offset on, for answers of every kind. Owner: the supervisor's thread. Warm: once a fetch.

import { ErrorCode } from '../../../engine/base/error-code.ts';
import type { TopicImage } from '../../../engine/metadata/metadata-image.ts';
import { FetchedChunk } from '../../../engine/record/fetched-chunk.ts';
import { HttpRefusal } from '../http-exchange.ts';
import { faultOf, headersOf } from './gateway-error.ts';
import type { GatewayLog } from './gateway-log.ts';

const LATEST = -1;
const EARLIEST = -2;

export interface Fetched {
  /** Null: there is nothing at the offset (any more). */
  readonly chunk: FetchedChunk | null;
  readonly highWatermark: number;
  readonly logStartOffset: number;
}

/** @throws HttpRefusal; the signal's reason; CallError when the broker stops */
export async function fetchAt(
  log: GatewayLog,
  topic: TopicImage,
  partition: number,
  offset: number,
  maxBytes: number,
  waitMs: number,
  signal: AbortSignal,
): Promise<Fetched> {
  const answer = await log.fetch(topic.name, partition, offset, maxBytes, waitMs, signal);
  const { errorCode, records, highWatermark, logStartOffset } = answer;
  if (errorCode === ErrorCode.NONE) return { chunk: new FetchedChunk(records, offset), highWatermark, logStartOffset };
  const where = `${topic.name}-${partition}`;
  if (errorCode !== ErrorCode.OFFSET_OUT_OF_RANGE) throw refused(errorCode, where);
  const [first, end] = await Promise.all([offsetOf(log, topic, partition, 'earliest'), offsetOf(log, topic, partition, 'latest')]);
  return { chunk: null, logStartOffset: first, highWatermark: end };
}

/** Offset of the first record, behind the last, or the first record at or after a time. @throws HttpRefusal */
async function offsetOf(
  log: GatewayLog,
  topic: TopicImage,
  partition: number,
  spec: 'earliest' | 'latest' | { readonly timestamp: number },
): Promise<number> {
  const timestamp = spec === 'earliest' ? EARLIEST : spec === 'latest' ? LATEST : spec.timestamp;
  const [found] = await log.partitions.listOffsets([
    { topic: topic.name, partition, currentLeaderEpoch: -1, timestamp, readCommitted: true },
  ]);
  const { errorCode, offset } = found!;
  if (errorCode !== ErrorCode.NONE) throw refused(errorCode, `${topic.name}-${partition}`);
  // No record is as late as that: what comes next is.
  return offset < 0 && spec !== 'latest' ? offsetOf(log, topic, partition, 'latest') : offset;
}

/** A number, earliest, latest, or a time as `@milliseconds`. @throws HttpRefusal 400 */
export async function givenOffset(log: GatewayLog, topic: TopicImage, partition: number, text: string): Promise<number> {
  if (text === 'earliest' || text === 'latest') return offsetOf(log, topic, partition, text);
  if (/^@\d{1,15}$/.test(text)) return offsetOf(log, topic, partition, { timestamp: Number(text.slice(1)) });
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new HttpRefusal(400, `an offset is a number, earliest, latest or a time as @milliseconds, not '${text}'`);
}

function refused(errorCode: number, where: string): HttpRefusal {
  const { status, error } = faultOf(errorCode, where);
  return new HttpRefusal(status, error, headersOf(status));
}
