// An independent reader of HdrHistogram's V2 compressed form, written from its description: strict where readers of other
// languages are. Owner: the test's thread.

import { inflateSync } from 'node:zlib';

export interface DecodedHistogram {
  readonly digits: number;
  readonly lowest: number;
  readonly highest: number;
  /** Lowest value of the bucket, its width, samples. */
  readonly buckets: readonly { readonly value: number; readonly width: number; readonly count: number }[];
}

export function decodeHdrV2(text: string): DecodedHistogram {
  const packed = Buffer.from(text, 'base64');
  if (packed.readUInt32BE(0) !== 0x1c849314) throw new Error(`cookie ${packed.readUInt32BE(0).toString(16)} is not compressed V2`);
  if (packed.readUInt32BE(4) !== packed.length - 8) throw new Error('the length of the compressed part is wrong');
  const bytes = inflateSync(packed.subarray(8));
  if (bytes.readUInt32BE(0) !== 0x1c849313) throw new Error('cookie is not V2');
  if (bytes.readInt32BE(8) !== 0) throw new Error(`normalizing offset ${bytes.readInt32BE(8)}`);
  if (bytes.readDoubleBE(32) !== 1) throw new Error(`ratio ${bytes.readDoubleBE(32)}`);
  const end = 40 + bytes.readUInt32BE(4);
  const digits = bytes.readInt32BE(12);
  const lowest = Number(bytes.readBigInt64BE(16));
  const highest = Number(bytes.readBigInt64BE(24));
  const unitMagnitude = Math.floor(Math.log2(lowest));
  const subBuckets = 2 ** Math.ceil(Math.log2(2 * 10 ** digits));
  const buckets: { value: number; width: number; count: number }[] = [];
  let index = 0;
  for (let at = 40; at < end;) {
    let raw = 0n;
    for (let shift = 0n, more = true; more; shift += 7n) {
      const byte = bytes[at++]!;
      raw |= shift === 56n ? BigInt(byte) << shift : BigInt(byte & 0x7f) << shift;
      more = shift < 56n && byte >= 0x80;
    }
    const value = Number((raw >> 1n) ^ -(raw & 1n));
    if (value < 0) index += -value;
    else {
      const half = subBuckets / 2;
      const bucket = Math.max(0, Math.floor(index / half) - 1);
      const sub = index < subBuckets ? index : (index % half) + half;
      const width = 2 ** (bucket + unitMagnitude);
      if (value > 0) buckets.push({ value: sub * width, width, count: value });
      index++;
    }
  }
  return { digits, lowest, highest, buckets };
}
