// Gathers one record of a commit journal for reactors without a native side. Owner: the shard's thread. Warm: once a commit.

import { constants } from 'node:os';
import { assert } from '../../engine/base/assert.ts';
import { crc32c } from '../../engine/base/crc32c.ts';
import type { CommitRecord } from './file-work.ts';

/** Bytes read at `position`; fewer at the end of the file. */
type ReadAt = (fd: number, into: Uint8Array, position: number) => number;

const CRC_BYTES = 4;

/** @returns the record's bytes. @throws what `readAt` throws, or EIO where a file lacks bytes of its piece */
export function gatherCommit({ head, pieces, totalBytes }: CommitRecord, readAt: ReadAt): Uint8Array {
  const record = new Uint8Array(totalBytes);
  record.set(head);
  let at = head.length;
  for (const piece of pieces) {
    assert(at + piece.length <= totalBytes, 'the pieces of a commit fit in it', at, piece.length, totalBytes);
    const into = record.subarray(at, at + piece.length);
    if (piece instanceof Uint8Array) into.set(piece);
    else if (readAt(piece.fd, into, piece.position) !== into.length) {
      throw Object.assign(new Error('a piece of a commit ends early'), { code: 'EIO', errno: -constants.errno.EIO });
    }
    at += piece.length;
  }
  if (head.length >= CRC_BYTES) new DataView(record.buffer).setUint32(0, crc32c(record, CRC_BYTES, at - CRC_BYTES));
  return record;
}
