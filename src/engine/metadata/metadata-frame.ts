// One checksummed record in a file of the metadata log. Owner: the controller's thread (main). Not hot.
//
//    0         4         8         12
//   +---------+---------+---------+------------------------+
//   | 'RLM1'  | length  | CRC-32C | payload (msgpack)      |    little-endian; the CRC is over the payload
//   +---------+---------+---------+------------------------+
//
// Every record is durable before the next is written, so a power cut can tear the last one only. A bad record with a good
// one after it is damage, not a torn tail; the magic lets a reader find that good one behind a length that lies.

import { crc32c } from '../base/crc32c.ts';

const MAGIC = 0x314d4c52;
const HEADER_BYTES = 12;

export interface FrameScan {
  readonly payloads: readonly Uint8Array[];
  /** Where the last good record ends. */
  readonly endBytes: number;
  /** Position of a good record behind a bad one, or null. */
  readonly strandedAt: number | null;
}

export function frameOf(payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, payload.length, true);
  frame.set(payload, HEADER_BYTES);
  view.setUint32(8, crc32c(payload, 0, payload.length), true);
  return frame;
}

export function scanFrames(bytes: Uint8Array): FrameScan {
  const payloads: Uint8Array[] = [];
  let endBytes = 0;
  for (let payload = frameAt(bytes, 0); payload !== null; payload = frameAt(bytes, endBytes)) {
    payloads.push(payload);
    endBytes += HEADER_BYTES + payload.length;
  }
  let strandedAt: number | null = null;
  for (let at = endBytes + 1; at + HEADER_BYTES <= bytes.length && strandedAt === null; at++) {
    if (frameAt(bytes, at) !== null) strandedAt = at;
  }
  return { payloads, endBytes, strandedAt };
}

/** Null when no whole, good record starts at `at`. */
function frameAt(bytes: Uint8Array, at: number): Uint8Array | null {
  if (at + HEADER_BYTES > bytes.length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  if (view.getUint32(0, true) !== MAGIC) return null;
  const length = view.getUint32(4, true);
  if (length > bytes.length - at - HEADER_BYTES) return null;
  if (view.getUint32(8, true) !== crc32c(bytes, at + HEADER_BYTES, length)) return null;
  return bytes.slice(at + HEADER_BYTES, at + HEADER_BYTES + length);
}
