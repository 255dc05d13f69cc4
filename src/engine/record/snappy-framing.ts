// Snappy as Kafka's clients write it: blocks behind a header of xerial's (snappy-java), or one raw block (old librdkafka).
// Pure: no thread owns it. Not hot.
//
// A header: 8 bytes of magic, int32 version, int32 least version. A block: int32 length, then raw snappy, whose first varint
// is the unpacked length.

export interface SnappyLibrary {
  compressSync(bytes: Buffer): Uint8Array;
  uncompressSync(bytes: Buffer, options: { asBuffer: true }): Uint8Array;
}

const MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const HEADER = Buffer.concat([MAGIC, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])]);
/** What snappy-java takes for one block. */
const BLOCK_BYTES = 32 * 1024;

export function openSnappy(library: SnappyLibrary, bytes: Uint8Array, limitBytes: number): Uint8Array {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let left = limitBytes;
  const open = (block: Buffer): Uint8Array => {
    left -= unpackedBytes(block);
    if (left < 0) throw new Error(`more than ${limitBytes} bytes`);
    // A copy: the library keeps what it is given no longer than the call, but wants memory of its own.
    return library.uncompressSync(Buffer.from(block), { asBuffer: true });
  };
  if (!buffer.subarray(0, MAGIC.length).equals(MAGIC)) return open(buffer);
  const blocks: Uint8Array[] = [];
  for (let at = HEADER.length; at + 4 <= buffer.length;) {
    const length = buffer.readInt32BE(at);
    if (length < 0 || length > buffer.length - at - 4) throw new Error(`block of ${length} bytes, ${buffer.length - at - 4} left`);
    blocks.push(open(buffer.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return Buffer.concat(blocks);
}

export function compressSnappy(library: SnappyLibrary, bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [HEADER];
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    const block = library.compressSync(Buffer.from(bytes.subarray(at, at + BLOCK_BYTES)));
    const length = Buffer.alloc(4);
    length.writeInt32BE(block.length);
    parts.push(length, block);
  }
  return Buffer.concat(parts);
}

function unpackedBytes(block: Buffer): number {
  let length = 0;
  for (let i = 0; i < 5; i++) {
    const byte = block[i];
    if (byte === undefined) throw new Error('a block cut short');
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return length;
  }
  throw new Error('a block whose length is no varint');
}
