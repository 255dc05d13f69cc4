// CRC-32C (Castagnoli), the checksum of record batches: tables here, the processor's instruction through the addon.
// Owner: any thread; each installs the addon's for itself. Hot where the addon is absent.

const POLYNOMIAL = 0x82f63b78;
/** Below this a call into the addon costs more than the tables do. */
const NATIVE_FROM_BYTES = 256;

/** Eight tables of 256: entry [slice * 256 + byte] is the byte's effect when `slice` more bytes follow it in the step. */
const TABLES = makeTables();

/** Takes a range of bytes and gives its checksum, as a signed or an unsigned int32. */
export type Crc32c = (bytes: Uint8Array, offset: number, length: number) => number;

let native: Crc32c | undefined;

/** Installs the addon's checksum in this thread; undefined goes back to the tables. */
export function useNativeCrc32c(fn: Crc32c | undefined): void {
  native = fn;
}

/** @returns the checksum of bytes [offset, offset + length), unsigned */
export function crc32c(bytes: Uint8Array, offset: number, length: number): number {
  return signedCrc32c(bytes, offset, length) >>> 0;
}

/** The same bits as a signed int32, as the hot path wants it: half of the unsigned ones would be allocated as doubles. */
export function signedCrc32c(bytes: Uint8Array, offset: number, length: number): number {
  if (native !== undefined && length >= NATIVE_FROM_BYTES) return native(bytes, offset, length) | 0;
  return portableCrc32c(bytes, offset, length);
}

/** The table form, whatever is installed. @returns a signed int32 */
export function portableCrc32c(bytes: Uint8Array, offset: number, length: number): number {
  const tables = TABLES;
  const end = offset + length;
  const lastStep = end - 8;
  let crc = -1;
  let at = offset;
  for (; at <= lastStep; at += 8) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc =
      tables[1792 + (crc & 0xff)]! ^
      tables[1536 + ((crc >>> 8) & 0xff)]! ^
      tables[1280 + ((crc >>> 16) & 0xff)]! ^
      tables[1024 + (crc >>> 24)]! ^
      tables[768 + bytes[at + 4]!]! ^
      tables[512 + bytes[at + 5]!]! ^
      tables[256 + bytes[at + 6]!]! ^
      tables[bytes[at + 7]!]!;
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ tables[(crc ^ bytes[at]!) & 0xff]!;
  return ~crc;
}

/** Signed words: an unsigned one above 2^31 would leave the engine's small integers. */
function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 1 ? POLYNOMIAL : 0);
    tables[byte] = crc;
  }
  for (let entry = 256; entry < tables.length; entry++) {
    const before = tables[entry - 256]!;
    tables[entry] = (before >>> 8) ^ tables[before & 0xff]!;
  }
  return tables;
}
