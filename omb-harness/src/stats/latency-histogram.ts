// LatencyHistogram: times in nanoseconds, 1 µs to 1 h, three significant digits. Owner: the thread that records. Hot:
// record() is called for every record of a load.
//
// The library does the counting; this file decides range and units, and writes the V2 form that other readers take.

import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';
import { deflateSync, inflateSync } from 'node:zlib';
import type { EncodedHistogram } from '../contracts/interval-record.ts';

export const LOWEST_NS = 1000;
export const HIGHEST_NS = 3_600_000_000_000;
const DIGITS = 3;

/** Compressed form: cookie and length, then the zlib stream. */
const COMPRESSED_HEADER_BYTES = 8;
const NORMALIZING_OFFSET_AT = 8;
const RATIO_AT = 32;

/** What the library's type leaves out. */
type CountsByIndex = Histogram & { getCountAtIndex(index: number): number; countsArrayIndex(value: number): number };

const emptyHistogram = (): Histogram =>
  build({
    lowestDiscernibleValue: LOWEST_NS,
    highestTrackableValue: HIGHEST_NS,
    numberOfSignificantValueDigits: DIGITS,
    bitBucketSize: 64,
  });

export class LatencyHistogram {
  private readonly counts: Histogram;

  private constructor(counts: Histogram) {
    this.counts = counts;
  }

  static empty(): LatencyHistogram {
    return new LatencyHistogram(emptyHistogram());
  }

  static decode(text: EncodedHistogram): LatencyHistogram {
    const merged = emptyHistogram();
    merged.add(decodeFromCompressedBase64(text, 64));
    return new LatencyHistogram(merged);
  }

  static merge(texts: Iterable<EncodedHistogram>): LatencyHistogram {
    const merged = emptyHistogram();
    for (const text of texts) merged.add(decodeFromCompressedBase64(text, 64));
    return new LatencyHistogram(merged);
  }

  /** @param ns not negative */
  record(ns: number): void {
    this.counts.recordValue(Math.min(ns, HIGHEST_NS));
  }

  add(other: LatencyHistogram): void {
    this.counts.add(other.counts);
  }

  get count(): number {
    return this.counts.totalCount;
  }

  /** Above an hour: they were counted in the bucket of an hour, which is all that the encoded form keeps of them. */
  get clamped(): number {
    const counts = this.counts as CountsByIndex;
    return counts.getCountAtIndex(counts.countsArrayIndex(HIGHEST_NS));
  }

  get meanNs(): number {
    return this.count === 0 ? 0 : this.counts.mean;
  }

  /** The library's maximum grows by up to a microsecond each time a histogram is decoded and added: no more than its bucket. */
  get maxNs(): number {
    return this.count === 0 ? 0 : Math.min(this.counts.maxValue, this.counts.getValueAtPercentile(100));
  }

  /** @param percentile 0 … 100 */
  percentileNs(percentile: number): number {
    return this.count === 0 ? 0 : Math.min(this.counts.getValueAtPercentile(percentile), this.maxNs);
  }

  /** [highest value of the bucket, samples] of every bucket that has samples, ascending. */
  buckets(): [number, number][] {
    const found: [number, number][] = [];
    const counts = this.counts as CountsByIndex;
    for (let seen = 0; seen < this.count;) {
      const value = counts.getValueAtPercentile((100 * (seen + 0.5)) / this.count);
      const count = counts.getCountAtIndex(counts.countsArrayIndex(value));
      if (count === 0) throw new Error(`no samples in the bucket of ${value} ns, after ${seen} of ${this.count}`);
      found.push([value, count]);
      seen += count;
    }
    return found;
  }

  /** Empties it for the next interval. */
  reset(): void {
    this.counts.reset();
  }

  encode(): EncodedHistogram {
    return withTrueHeader(encodeIntoCompressedBase64(this.counts));
  }
}

/**
 * hdr-histogram-js 3.0.1 writes 1 for the normalizing index offset and the integer 1 for the double 1.0: its own reader and
 * Java's shrug, others refuse or misread minimum and maximum.
 */
function withTrueHeader(text: string): string {
  const packed = Buffer.from(text, 'base64');
  const plain = inflateSync(packed.subarray(COMPRESSED_HEADER_BYTES));
  plain.writeInt32BE(0, NORMALIZING_OFFSET_AT);
  plain.writeDoubleBE(1, RATIO_AT);
  const body = deflateSync(plain);
  const header = Buffer.from(packed.subarray(0, COMPRESSED_HEADER_BYTES));
  header.writeInt32BE(body.length, 4);
  return Buffer.concat([header, body]).toString('base64');
}
