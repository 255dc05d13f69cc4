// The Fetch answer's bytes around the records, by hand: versions 4 to 18. Owner: the shard's thread.
// Hot: written straight into the out region; the records themselves are file ranges that the caller sends between the
// pieces. Tested against the generated codec.
//
// Use: begin(), then per topic topic() and per partition partition(), then end(). cuts[] then says where, in the bytes
// written, each partition's records belong.

import { ErrorCode } from '../../../engine/base/error-code.ts';
import type { FetchTarget } from '../../../engine/broker/fetch-target.ts';

const FLEXIBLE_SINCE = 12;
const TOPIC_ID_SINCE = 13;
/** The field is there from version 12 on; Kafka fills it from 16 on, when the answer can say where that leader is. */
const LEADER_HINT_SINCE = 16;

/** Bound of one partition without its records. */
const PARTITION_BYTES_MAX = 72;
/** Bound of one topic without its name and partitions. */
const TOPIC_BYTES_MAX = 32;
/** Bound of the answer without topics. */
export const ANSWER_BYTES_MAX = 64;

const UVARINT_BYTES = 5;

export class FetchResponseWriter {
  /** Offset after the last byte written. */
  at = 0;
  /** Where records go in: offsets into the bytes written, ascending. */
  cuts = new Int32Array(16);
  /** The target whose records go in at cuts[i]. */
  readonly cutTargets: FetchTarget[] = [];
  cutCount = 0;
  /** Record bytes that belong to this answer. */
  recordBytes = 0;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private version = 0;
  private flexible = false;
  private start = 0;

  constructor(bytes: Uint8Array, view: DataView) {
    this.bytes = bytes;
    this.view = view;
  }

  begin(start: number, version: number, correlationId: number, error: number, sessionId: number, topicCount: number): void {
    this.start = start;
    this.version = version;
    this.flexible = version >= FLEXIBLE_SINCE;
    this.cutCount = 0;
    this.recordBytes = 0;
    this.at = start + 4;
    this.int32(correlationId);
    if (this.flexible) this.bytes[this.at++] = 0;
    this.int32(0);
    if (version >= 7) {
      this.int16(error);
      this.int32(sessionId);
    }
    this.count(topicCount);
  }

  /** `name`: the topic's name bytes, or its id bytes from version 13 on. */
  topic(name: Uint8Array, partitionCount: number): void {
    if (this.version < FLEXIBLE_SINCE) this.int16(name.length);
    else if (this.version < TOPIC_ID_SINCE) this.uvarint(name.length + 1);
    for (let i = 0; i < name.length; i++) this.bytes[this.at++] = name[i]!;
    this.count(partitionCount);
  }

  endTopic(): void {
    if (this.flexible) this.bytes[this.at++] = 0;
  }

  partition(target: FetchTarget): void {
    this.int32(target.partitionIndex);
    this.int16(target.error);
    this.int64(target.highWatermark);
    this.int64(target.lastStableOffset);
    if (this.version >= 5) this.int64(target.logStartOffset);
    // No aborted transactions: null as Kafka answers read_uncommitted.
    if (this.flexible) this.bytes[this.at++] = 0;
    else this.int32(-1);
    if (this.version >= 11) this.int32(-1);
    const length = target.plannedBytes;
    if (this.flexible) this.uvarint(length + 1);
    else this.int32(length);
    if (length > 0) this.cut(target);
    if (this.flexible) this.partitionTags(target);
  }

  /**
   * `tags`: the answer's tag section, which versions before 12 do not have.
   * @returns the whole frame's bytes, records included, without its length prefix
   */
  end(tags: Uint8Array): number {
    if (this.flexible) for (let i = 0; i < tags.length; i++) this.bytes[this.at++] = tags[i]!;
    const frameBytes = this.at - this.start - 4 + this.recordBytes;
    this.view.setInt32(this.start, frameBytes);
    return frameBytes;
  }

  /** Tag 1, CurrentLeader. */
  private partitionTags(target: FetchTarget): void {
    if (!hasLeaderHint(target, this.version)) {
      this.bytes[this.at++] = 0;
      return;
    }
    this.bytes[this.at++] = 1;
    this.bytes[this.at++] = 1;
    this.bytes[this.at++] = 9;
    this.int32(target.topic!.leaderNodeIds[target.partitionIndex]!);
    this.int32(target.topic!.leaderEpochs[target.partitionIndex]!);
    this.bytes[this.at++] = 0;
  }

  private cut(target: FetchTarget): void {
    if (this.cutCount === this.cuts.length) {
      const larger = new Int32Array(this.cuts.length * 2);
      larger.set(this.cuts);
      this.cuts = larger;
    }
    this.cuts[this.cutCount] = this.at;
    this.cutTargets[this.cutCount++] = target;
    this.recordBytes += target.plannedBytes;
  }

  private count(count: number): void {
    if (this.flexible) this.uvarint(count + 1);
    else this.int32(count);
  }

  private int16(value: number): void {
    this.view.setInt16(this.at, value);
    this.at += 2;
  }

  private int32(value: number): void {
    this.view.setInt32(this.at, value);
    this.at += 4;
  }

  private int64(value: number): void {
    const high = Math.floor(value / 4294967296);
    this.view.setInt32(this.at, high);
    this.view.setInt32(this.at + 4, value - high * 4294967296);
    this.at += 8;
  }

  private uvarint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.bytes[this.at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.at++] = rest;
  }
}

/** Whether the partition's answer says who leads it now (KIP-951): the client asked the wrong node, or with an old epoch. */
export function hasLeaderHint(target: FetchTarget, version: number): boolean {
  const wrong = target.error === ErrorCode.NOT_LEADER_OR_FOLLOWER || target.error === ErrorCode.FENCED_LEADER_EPOCH;
  return wrong && version >= LEADER_HINT_SINCE && target.topic !== null;
}

/** Bound of the bytes one topic with `partitions` partitions takes. */
export function topicBytesMax(nameBytes: number, partitions: number): number {
  return TOPIC_BYTES_MAX + UVARINT_BYTES + nameBytes + partitions * PARTITION_BYTES_MAX;
}
