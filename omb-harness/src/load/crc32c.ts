// CRC-32C (Castagnoli), eight tables: the checksum in every record's stamp. Owner: pure. Hot.

const POLYNOMIAL = 0x82f63b78;
const TABLES = 8;
const tables = makeTables();

function makeTables(): Uint32Array {
  const made = new Uint32Array(TABLES * 256);
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    made[i] = crc;
  }
  for (let i = 256; i < made.length; i++) made[i] = made[made[i - 256]! & 0xff]! ^ (made[i - 256]! >>> 8);
  return made;
}

export function crc32c(bytes: Uint8Array, from: number, to: number): number {
  let crc = 0xffffffff;
  let i = from;
  for (; i + 8 <= to; i += 8) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    crc =
      tables[0x700 + (crc & 0xff)]! ^
      tables[0x600 + ((crc >>> 8) & 0xff)]! ^
      tables[0x500 + ((crc >>> 16) & 0xff)]! ^
      tables[0x400 + (crc >>> 24)]! ^
      tables[0x300 + bytes[i + 4]!]! ^
      tables[0x200 + bytes[i + 5]!]! ^
      tables[0x100 + bytes[i + 6]!]! ^
      tables[bytes[i + 7]!]!;
  }
  for (; i < to; i++) crc = tables[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
