// Opening compressed batches: only where records must be looked at (command line, lookups by time, compaction).
// Owner: any thread; pure. Not hot: the data path never opens a batch.
//
// Codecs of attribute bits 0-2: 1 gzip, 2 snappy in xerial framing (or raw, as old librdkafka wrote), 3 LZ4 frame, 4 zstd.

import { createRequire } from 'node:module';
import { gunzipSync } from 'node:zlib';

export const Codec = { NONE: 0, GZIP: 1, SNAPPY: 2, LZ4: 3, ZSTD: 4 } as const;

export const codecNames: readonly string[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/** The codec's library is not installed, or the bytes are not what the codec wrote. */
export class CannotDecompress extends Error {
  override readonly name = 'CannotDecompress';
}

type Decompress = (bytes: Uint8Array) => Uint8Array;

const require = createRequire(import.meta.url);
const opened = new Map<number, Decompress>();
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;

/** The records of a batch body. @throws CannotDecompress */
export function decompress(codec: number, bytes: Uint8Array): Uint8Array {
  if (codec === Codec.NONE) return bytes;
  let open = opened.get(codec);
  if (open === undefined) opened.set(codec, (open = load(codec)));
  try {
    return open(bytes);
  } catch (error) {
    throw new CannotDecompress(`${codecNames[codec] ?? `codec ${codec}`}: ${(error as Error).message}`);
  }
}

/** Libraries are loaded at first use: most processes never open a batch. */
function load(codec: number): Decompress {
  switch (codec) {
    case Codec.GZIP:
      return gunzipSync;
    case Codec.SNAPPY: {
      const { uncompressSync } = require('snappy') as { uncompressSync(bytes: Uint8Array, options: { asBuffer: true }): Uint8Array };
      return (bytes) => uncompressXerial(bytes, (block) => uncompressSync(Buffer.from(block), { asBuffer: true }));
    }
    case Codec.LZ4: {
      const { decompressFrameSync } = require('lz4-napi') as { decompressFrameSync(bytes: Uint8Array): Uint8Array };
      return (bytes) => decompressFrameSync(Buffer.from(bytes));
    }
    case Codec.ZSTD:
      return (require('fzstd') as { decompress: Decompress }).decompress;
    default:
      throw new CannotDecompress(`unknown codec ${codec}`);
  }
}

function uncompressXerial(bytes: Uint8Array, uncompress: Decompress): Uint8Array {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!buffer.subarray(0, XERIAL.length).equals(XERIAL)) return uncompress(bytes);
  const blocks: Uint8Array[] = [];
  for (let at = XERIAL_HEADER_BYTES; at + 4 <= buffer.length;) {
    const length = buffer.readInt32BE(at);
    blocks.push(uncompress(buffer.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return Buffer.concat(blocks);
}
