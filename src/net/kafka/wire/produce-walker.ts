// Walks a Produce request where it was received and describes each partition entry, as native/reactor/produce_walker.cc
// does. Owner: the shard's thread. Hot where the addon is absent: it allocates nothing.
//
// Both write the same numbers; a differential test holds them to it.

import { signedCrc32c } from '../../../engine/base/crc32c.ts';
import { DESC_WORDS, Desc, Frame, FrameStatus } from '../../../engine/io/tick-layout.ts';
import type { TickMemory } from '../../../engine/io/tick-ring.ts';
import { describeProducedBatch } from '../../../engine/record/produced-batch.ts';
import { FrameCursor } from './frame-cursor.ts';

export type ProduceWalkerMemory = Pick<TickMemory, 'arena' | 'view' | 'cq' | 'desc' | 'descF64' | 'descCapacity'>;

const VERSION_MIN = 3;
const VERSION_MAX = 13;
const FLEXIBLE_FROM = 9;
const TOPIC_ID_FROM = 13;
const TOPIC_ID_BYTES = 16;

const cursor = new FrameCursor();
/** The descriptor that the next partition entry gets. */
let next = 0;

/**
 * The frame is arena[offset, offset + length): request header and body, without the 4-byte length. `slot` is the first
 * word of its completion slot; STATUS, DESC_FIRST, DESC_COUNT, ACKS, TIMEOUT_MS and TXN_ID_* are written, the rest is
 * the caller's. Descriptors go from `descFirst` on. Unless STATUS is OK, DESC_COUNT is 0. TOO_MANY_PARTITIONS with
 * descFirst > 0 means: walk it again with an emptier table.
 */
export function walkProduce(memory: ProduceWalkerMemory, slot: number, offset: number, length: number, descFirst: number): void {
  const { cq } = memory;
  cq[slot + Frame.ACKS] = 0;
  cq[slot + Frame.TIMEOUT_MS] = 0;
  cq[slot + Frame.TXN_ID_OFFSET] = 0;
  cq[slot + Frame.TXN_ID_LENGTH] = -1;
  cursor.wrap(memory.view, offset, length);
  next = descFirst;
  const status = walkFrame(memory, slot);
  cq[slot + Frame.STATUS] = status;
  cq[slot + Frame.DESC_FIRST] = descFirst;
  cq[slot + Frame.DESC_COUNT] = status === FrameStatus.OK ? next - descFirst : 0;
}

function walkFrame(memory: ProduceWalkerMemory, slot: number): number {
  const { cq } = memory;
  const version = walkHeader();
  const flexible = version >= FLEXIBLE_FROM;
  const txnIdLength = cursor.stringLength(flexible);
  if (cursor.bad) return FrameStatus.MALFORMED;
  cq[slot + Frame.TXN_ID_OFFSET] = cursor.at;
  cq[slot + Frame.TXN_ID_LENGTH] = txnIdLength;
  if (txnIdLength > 0) cursor.skip(txnIdLength);
  cq[slot + Frame.ACKS] = cursor.int16();
  cq[slot + Frame.TIMEOUT_MS] = cursor.int32();
  const topics = cursor.length(flexible);
  if (topics < 0) cursor.fail();
  for (let left = topics; left > 0 && !cursor.bad; left--) {
    if (!walkTopic(memory, flexible, version >= TOPIC_ID_FROM)) return FrameStatus.TOO_MANY_PARTITIONS;
  }
  cursor.skipTags(flexible);
  return cursor.finished ? FrameStatus.OK : FrameStatus.MALFORMED;
}

/** Header v1, or v2 with tags; the client id keeps the plain form in both. */
function walkHeader(): number {
  cursor.skip(2);
  const version = cursor.int16();
  if (version < VERSION_MIN || version > VERSION_MAX) cursor.fail();
  cursor.skip(4);
  const clientIdLength = cursor.stringLength(false);
  if (clientIdLength > 0) cursor.skip(clientIdLength);
  cursor.skipTags(version >= FLEXIBLE_FROM);
  return version;
}

/** @returns false when the descriptors are used up */
function walkTopic(memory: ProduceWalkerMemory, flexible: boolean, byId: boolean): boolean {
  const { desc } = memory;
  const nameLength = byId ? -1 : cursor.stringLength(flexible);
  if (!byId && nameLength < 0) cursor.fail();
  const keyOffset = cursor.at;
  const keyBytes = byId ? TOPIC_ID_BYTES : Math.max(nameLength, 0);
  cursor.skip(keyBytes);
  const partitions = cursor.length(flexible);
  if (partitions < 0) cursor.fail();
  if (cursor.bad) return true;
  const hash = signedCrc32c(memory.arena, keyOffset, keyBytes);
  for (let index = 0; index < partitions && !cursor.bad; index++) {
    if (next >= memory.descCapacity) return false;
    const d = next * DESC_WORDS;
    desc[d + Desc.TOPIC_OFFSET] = keyOffset;
    desc[d + Desc.TOPIC_LENGTH] = nameLength;
    desc[d + Desc.TOPIC_HASH] = hash;
    desc[d + Desc.TOPIC_START] = index === 0 ? 1 : 0;
    desc[d + Desc.TOPIC_PARTITIONS] = index === 0 ? partitions : 0;
    walkPartition(memory, flexible, d);
    next++;
  }
  cursor.skipTags(flexible);
  return true;
}

function walkPartition(memory: ProduceWalkerMemory, flexible: boolean, d: number): void {
  const { desc } = memory;
  desc[d + Desc.PARTITION] = cursor.int32();
  const length = cursor.length(flexible);
  const bytes = length < 0 ? 0 : length;
  const at = cursor.at;
  desc[d + Desc.RECORDS_OFFSET] = at;
  desc[d + Desc.RECORDS_LENGTH] = length;
  cursor.skip(bytes);
  cursor.skipTags(flexible);
  if (!cursor.bad) describeProducedBatch(memory, at, bytes, d);
}
