// Carries out one chain of APPEND submissions as one gathered write. Owner: the shard's thread. Hot.

import { assert } from '../../engine/base/assert.ts';
import { APPEND_PATCH, Sq, SQ_SLOT_WORDS, SqField } from '../../engine/io/tick-layout.ts';
import type { TickMemory } from '../../engine/io/tick-ring.ts';
import type { AddressSpace } from './address-space.ts';
import type { FileWork } from './file-work.ts';

const SLOT_F64 = SQ_SLOT_WORDS / 2;
const TWO_POW_32 = 0x1_0000_0000;

/** @returns bytes written or -errno */
export function writeAppendChain(memory: TickMemory, space: AddressSpace, files: FileWork, head: number): number {
  const { sq, sqF64 } = memory;
  const fd = sq[head * SQ_SLOT_WORDS + SqField.FD]!;
  const start = sqF64[head * SLOT_F64 + SqField.POSITION_F64]!;
  const pieces: Uint8Array[] = [];
  let total = 0;
  for (let slot = head; slot >= 0; slot = sq[slot * SQ_SLOT_WORDS + SqField.NEXT]!) {
    const at = slot * SQ_SLOT_WORDS;
    const position = sqF64[slot * SLOT_F64 + SqField.POSITION_F64]!;
    assert(slot === head || sq[at + SqField.OP] === Sq.APPEND_MORE, 'a chain goes on with APPEND_MORE', slot, sq[at + SqField.OP]);
    assert(position === start + total && sq[at + SqField.FD] === fd, 'a chain is one range of one file', position, start, total);
    const length = sq[at + SqField.LENGTH]!;
    const bytes = space.resolve(sqF64[slot * SLOT_F64 + SqField.ADDRESS_F64]!, length);
    if ((sq[at + SqField.FLAGS]! & APPEND_PATCH) !== 0) {
      patchBatch(bytes, sqF64[slot * SLOT_F64 + SqField.BASE_OFFSET_F64]!, sq[at + SqField.LEADER_EPOCH]!);
    }
    pieces.push(bytes);
    total += length;
  }
  return files.append(fd, pieces, total, start);
}

/** Base offset in bytes 0..7, leader epoch in 12..15; the CRC covers neither. */
function patchBatch(batch: Uint8Array, baseOffset: number, leaderEpoch: number): void {
  const view = new DataView(batch.buffer, batch.byteOffset, 16);
  view.setUint32(0, Math.floor(baseOffset / TWO_POW_32));
  view.setUint32(4, baseOffset % TWO_POW_32);
  view.setInt32(12, leaderEpoch);
}
