// Opening compressed batches, and closing those that compaction took records out of: only where records must be looked at
// (command line, lookups by time, compaction, keys of compacted topics). Owner: any thread; pure. Not hot: the data path
// never opens a batch of a topic that is not compacted.
//
// Codecs of attribute bits 0-2: 1 gzip, 2 snappy in xerial framing (or raw, as old librdkafka wrote), 3 LZ4 frame, 4 zstd.
// A stranger's batch may claim to unpack to gigabytes: every codec is held to a limit before the memory is taken.

import { createRequire } from 'node:module';
import * as zlib from 'node:zlib';
import { compressSnappy, openSnappy, type SnappyLibrary } from './snappy-framing.ts';
import { lz4BytesBound } from './lz4-frame.ts';
import { storedZstdFrame, zstdWindowBytes } from './zstd-frame.ts';

export const Codec = { NONE: 0, GZIP: 1, SNAPPY: 2, LZ4: 3, ZSTD: 4 } as const;

export const codecNames: readonly string[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/** The codec's library is not installed, or the bytes are not what the codec wrote. */
export class CannotDecompress extends Error {
  override readonly name = 'CannotDecompress';
}

interface Lz4Library {
  compressFrameSync(bytes: Buffer): Uint8Array;
  decompressFrameSync(bytes: Buffer): Uint8Array;
}

interface FzstdLibrary {
  readonly Decompress: new (onData: (chunk: Uint8Array) => void) => { push(bytes: Uint8Array, final: boolean): void };
}

/** In Node from 22.15 on. */
interface NativeZstd {
  zstdCompressSync?(bytes: Uint8Array): Uint8Array;
  zstdDecompressSync?(bytes: Uint8Array, options: { maxOutputLength: number }): Uint8Array;
}

interface CodecLibrary {
  open(bytes: Uint8Array, limitBytes: number): Uint8Array;
  close(bytes: Uint8Array): Uint8Array;
}

/** What a batch may unpack to unless the caller says otherwise: as large as 64 of the largest batches accepted by default. */
const DECOMPRESSED_BYTES_MAX = 64 * 1024 * 1024;
const require = createRequire(import.meta.url);
const loaded = new Map<number, CodecLibrary>();

/** The records of a batch body. @throws CannotDecompress, also when they would take more than `limitBytes` */
export function decompress(codec: number, bytes: Uint8Array, limitBytes: number = DECOMPRESSED_BYTES_MAX): Uint8Array {
  if (codec === Codec.NONE) return bytes;
  const records = using(codec, (library) => library.open(bytes, limitBytes));
  if (records.length > limitBytes) throw new CannotDecompress(`${codecNames[codec]}: more than ${limitBytes} bytes`);
  return records;
}

/** The batch body of records. @throws CannotDecompress when the codec's library is not installed */
export function compress(codec: number, bytes: Uint8Array): Uint8Array {
  return codec === Codec.NONE ? bytes : using(codec, (library) => library.close(bytes));
}

function using(codec: number, work: (library: CodecLibrary) => Uint8Array): Uint8Array {
  try {
    let library = loaded.get(codec);
    if (library === undefined) loaded.set(codec, (library = load(codec)));
    return work(library);
  } catch (error) {
    throw new CannotDecompress(`${codecNames[codec] ?? `codec ${codec}`}: ${(error as Error).message}`);
  }
}

/** Libraries are loaded at first use: most processes never open a batch. */
function load(codec: number): CodecLibrary {
  switch (codec) {
    case Codec.GZIP:
      return {
        open: (bytes, limitBytes) => zlib.gunzipSync(bytes, { maxOutputLength: limitBytes }),
        close: (bytes) => zlib.gzipSync(bytes),
      };
    case Codec.SNAPPY: {
      const library = require('snappy') as SnappyLibrary;
      return { open: (bytes, limitBytes) => openSnappy(library, bytes, limitBytes), close: (bytes) => compressSnappy(library, bytes) };
    }
    case Codec.LZ4: {
      const library = require('lz4-napi') as Lz4Library;
      return {
        open: (bytes, limitBytes) => openLz4(library, bytes, limitBytes),
        close: (bytes) => library.compressFrameSync(Buffer.from(bytes)),
      };
    }
    case Codec.ZSTD:
      return loadZstd();
    default:
      throw new Error('unknown');
  }
}

function openLz4(library: Lz4Library, bytes: Uint8Array, limitBytes: number): Uint8Array {
  if (lz4BytesBound(bytes) > limitBytes) throw new Error(`may unpack to more than ${limitBytes} bytes`);
  return library.decompressFrameSync(Buffer.from(bytes));
}

/** Where Node cannot compress zstd a frame is written that stores its bytes as they are: every reader of zstd opens it. */
function loadZstd(): CodecLibrary {
  const { zstdCompressSync, zstdDecompressSync } = zlib as NativeZstd;
  if (zstdCompressSync !== undefined && zstdDecompressSync !== undefined) {
    return {
      open: (bytes, limitBytes) => zstdDecompressSync(bytes, { maxOutputLength: limitBytes }),
      close: (bytes) => zstdCompressSync(bytes),
    };
  }
  const library = require('fzstd') as FzstdLibrary;
  return { open: (bytes, limitBytes) => openZstd(library, bytes, limitBytes), close: storedZstdFrame };
}

function openZstd(library: FzstdLibrary, bytes: Uint8Array, limitBytes: number): Uint8Array {
  if (zstdWindowBytes(bytes) > limitBytes) throw new Error(`asks for more than ${limitBytes} bytes`);
  const chunks: Uint8Array[] = [];
  let total = 0;
  const stream = new library.Decompress((chunk) => {
    total += chunk.length;
    if (total > limitBytes) throw new Error(`more than ${limitBytes} bytes`);
    // The library goes on using its window.
    chunks.push(chunk.slice());
  });
  stream.push(bytes, true);
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}
