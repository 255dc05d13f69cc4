// What an LZ4 frame can unpack to, told from its block sizes without unpacking it. Pure: no thread owns it. Not hot.
//
// A frame: int32 magic, flags, block size code, content size (8, if flagged), dictionary id (4, if flagged), a checksum byte;
// blocks, each an int32 length (top bit: stored as is) and its bytes and a checksum (4, if flagged); length 0 ends it.

const FRAME_MAGIC = 0x184d2204;
const FLAG_BLOCK_CHECKSUM = 0x10;
const FLAG_CONTENT_SIZE = 0x08;
const FLAG_DICTIONARY = 0x01;
const STORED = 0x8000_0000;
/** No input byte stands for more than this many output bytes. */
const RATIO_MAX = 255;

/** An upper bound of the unpacked bytes. @throws Error when the bytes are no frame */
export function lz4BytesBound(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 7 || view.getUint32(0, true) !== FRAME_MAGIC) throw new Error('not a frame');
  const flags = bytes[4]!;
  const blockBytes = 2 ** (8 + 2 * ((bytes[5]! >> 4) & 7));
  const checksum = (flags & FLAG_BLOCK_CHECKSUM) !== 0 ? 4 : 0;
  let at = 7 + ((flags & FLAG_CONTENT_SIZE) !== 0 ? 8 : 0) + ((flags & FLAG_DICTIONARY) !== 0 ? 4 : 0);
  let bound = 0;
  while (at + 4 <= bytes.length) {
    const word = view.getUint32(at, true);
    if (word === 0) break;
    const length = word % STORED;
    bound += word >= STORED ? length : Math.min(blockBytes, length * RATIO_MAX);
    at += 4 + length + checksum;
  }
  return bound;
}
