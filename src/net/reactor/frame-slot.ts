// Fills the completion slot of one request frame, and of a Produce frame its descriptors. Owner: the shard's thread. Hot.

import { Ctl, Frame, FrameStatus } from '../../engine/io/tick-layout.ts';
import type { TickMemory } from '../../engine/io/tick-ring.ts';

/**
 * The Produce body walker (net/kafka/wire/produce-walker.ts), handed in because it lies above this layer. It fills
 * STATUS, ACKS, TIMEOUT_MS, TXN_ID_*, DESC_FIRST and DESC_COUNT of the slot and the descriptors from `descFirst` on.
 */
export type WalkProduce = (
  memory: TickMemory,
  frameSlotBase: number,
  frameOffset: number,
  frameLength: number,
  descFirst: number,
) => unknown;

const API_PRODUCE = 0;
const PRODUCE_VERSION_MIN = 3;
const PRODUCE_VERSION_MAX = 13;
/** api_key, api_version, correlation_id: what every request header begins with. */
const HEADER_BYTES = 8;

/** @returns false when this tick's descriptor table has no room left for it: offer it again in the next tick */
export function fillFrameSlot(memory: TickMemory, walk: WalkProduce, slot: number, offset: number, length: number): boolean {
  const { cq, ctl, view } = memory;
  const descFirst = ctl[Ctl.DESC_COUNT]!;
  const headed = length >= HEADER_BYTES;
  cq[slot + Frame.OFFSET] = offset;
  cq[slot + Frame.LENGTH] = length;
  cq[slot + Frame.STATUS] = headed ? FrameStatus.OK : FrameStatus.MALFORMED;
  cq[slot + Frame.API_KEY] = headed ? view.getInt16(offset) : -1;
  cq[slot + Frame.API_VERSION] = headed ? view.getInt16(offset + 2) : -1;
  cq[slot + Frame.CORRELATION_ID] = headed ? view.getInt32(offset + 4) : -1;
  cq[slot + Frame.DESC_FIRST] = descFirst;
  cq[slot + Frame.DESC_COUNT] = 0;
  cq[slot + Frame.ACKS] = 0;
  cq[slot + Frame.TIMEOUT_MS] = 0;
  cq[slot + Frame.TXN_ID_OFFSET] = 0;
  cq[slot + Frame.TXN_ID_LENGTH] = -1;
  if (!headed || cq[slot + Frame.API_KEY] !== API_PRODUCE) return true;
  const version = cq[slot + Frame.API_VERSION]!;
  if (version < PRODUCE_VERSION_MIN || version > PRODUCE_VERSION_MAX) return true;
  walk(memory, slot, offset, length, descFirst);
  if (cq[slot + Frame.STATUS] === FrameStatus.TOO_MANY_PARTITIONS && descFirst > 0) return false;
  ctl[Ctl.DESC_COUNT] = descFirst + (cq[slot + Frame.STATUS] === FrameStatus.OK ? cq[slot + Frame.DESC_COUNT]! : 0);
  return true;
}
