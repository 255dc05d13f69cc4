// The stamp in every record: who sent it, which one it is, when it was due, and checksums. Owner: pure. Hot.
//
//   0 u32 run id      4 u32 lane      8 u32 sequence in the lane      12 u32 send delay, µs (handed over - due)
//  16 i64 due, ns of CLOCK_MONOTONIC      24 u32 CRC-32C of the body      28 u32 CRC-32C of bytes 0 … 27
//
// Big-endian. The body is what follows the stamp in the value, or the whole value when the stamp is in a header.

import { crc32c } from './crc32c.ts';

export const STAMP_BYTES = 32;
const SUMMED_BYTES = 28;
const HIGH = 0x1_0000_0000;
const DELAY_MAX_US = 0xffffffff;

export interface Stamp {
  runId: number;
  lane: number;
  sequence: number;
  sendDelayNs: number;
  dueNs: number;
}

export type StampFault = 'foreign' | 'corrupt';

export function writeStamp(into: Uint8Array, stamp: Readonly<Stamp>, bodyChecksum: number): void {
  const view = new DataView(into.buffer, into.byteOffset, STAMP_BYTES);
  view.setUint32(0, stamp.runId);
  view.setUint32(4, stamp.lane);
  view.setUint32(8, stamp.sequence);
  view.setUint32(12, Math.min(DELAY_MAX_US, Math.round(stamp.sendDelayNs / 1000)));
  const due = Math.round(stamp.dueNs);
  view.setUint32(16, Math.floor(due / HIGH));
  view.setUint32(20, due % HIGH);
  view.setUint32(24, bodyChecksum);
  view.setUint32(SUMMED_BYTES, crc32c(into, 0, SUMMED_BYTES));
}

/**
 * Into `stamp`, which is reused. Bytes that do not add up are corrupt: with a run id that is not ours they may be anyone's,
 * with the sum right they are another run's.
 */
export function readStamp(value: Uint8Array, header: Uint8Array | null, runId: number, stamp: Stamp): StampFault | null {
  const bytes = header ?? value;
  if (bytes.length < STAMP_BYTES) return 'foreign';
  const view = new DataView(bytes.buffer, bytes.byteOffset, STAMP_BYTES);
  stamp.runId = view.getUint32(0);
  const whole = view.getUint32(SUMMED_BYTES) === crc32c(bytes, 0, SUMMED_BYTES);
  if (stamp.runId !== runId) return whole ? 'foreign' : 'corrupt';
  if (!whole || view.getUint32(24) !== bodyChecksum(value, header === null)) return 'corrupt';
  stamp.lane = view.getUint32(4);
  stamp.sequence = view.getUint32(8);
  stamp.sendDelayNs = view.getUint32(12) * 1000;
  stamp.dueNs = view.getUint32(16) * HIGH + view.getUint32(20);
  return null;
}

export function bodyChecksum(value: Uint8Array, stampInValue: boolean): number {
  return crc32c(value, stampInValue ? STAMP_BYTES : 0, value.length);
}
