// The outside of a zstd frame (RFC 8878): how much memory its reader needs, and a frame that stores bytes as they are.
// Pure: no thread owns it. Not hot.
//
// A frame: int32 magic, descriptor (bits 7-6 size of the content size, bit 5 one segment, bits 1-0 size of the dictionary
// id), window byte (unless one segment), dictionary id, content size; blocks, each 3 bytes (bit 0 last, bits 2-1 type) and
// its bytes. Little-endian.

const FRAME_MAGIC = 0xfd2fb528;
const ONE_SEGMENT = 0x20;
/** Content size of 4 bytes. */
const SIZE_OF_4 = 0x80;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const BLOCK_BYTES_MAX = 128 * 1024;

/** Memory the frame's window takes: the content itself when it is one segment. @throws Error when the bytes are no frame */
export function zstdWindowBytes(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 6 || view.getUint32(0, true) !== FRAME_MAGIC) throw new Error('not a frame');
  const descriptor = bytes[4]!;
  if ((descriptor & ONE_SEGMENT) === 0) {
    const window = bytes[5]!;
    const base = 2 ** (10 + (window >> 3));
    return base + (base / 8) * (window & 7);
  }
  const at = 5 + DICTIONARY_ID_BYTES[(descriptor & 3) as 0 | 1 | 2 | 3];
  switch (descriptor >> 6) {
    case 0:
      return view.getUint8(at);
    case 1:
      return view.getUint16(at, true) + 256;
    case 2:
      return view.getUint32(at, true);
    default:
      return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
  }
}

export function storedZstdFrame(bytes: Uint8Array): Uint8Array {
  const blocks = Math.max(Math.ceil(bytes.length / BLOCK_BYTES_MAX), 1);
  const frame = new Uint8Array(9 + blocks * 3 + bytes.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, FRAME_MAGIC, true);
  frame[4] = SIZE_OF_4 | ONE_SEGMENT;
  view.setUint32(5, bytes.length, true);
  let at = 9;
  for (let i = 0; i < blocks; i++) {
    const block = bytes.subarray(i * BLOCK_BYTES_MAX, (i + 1) * BLOCK_BYTES_MAX);
    const header = (block.length << 3) | (i === blocks - 1 ? 1 : 0);
    view.setUint16(at, header & 0xffff, true);
    frame[at + 2] = header >> 16;
    frame.set(block, at + 3);
    at += 3 + block.length;
  }
  return frame;
}
