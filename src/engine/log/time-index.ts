// TimeIndex: where in a segment to begin looking for a timestamp. Owner: the shard's thread. Hot: add() on appends.
//
// On disk (`N.timeindex`): 12-byte big-endian entries, int64 timestamp and int32 (offset - N): no batch up to that
// offset has a greater timestamp, and the offset is the last one of the batch that has this one. Both columns ascend
// strictly. A cache like the offset index; an all-zero entry after the first ends it.

export const TIME_ENTRY_BYTES = 12;
const TWO_POW_32 = 0x1_0000_0000;

const FIRST_CAPACITY = 16;

export class TimeIndex {
  timestamps = new Float64Array(FIRST_CAPACITY);
  relativeOffsets = new Int32Array(FIRST_CAPACITY);
  count = 0;
  /** Of those in memory, how many are in the file too. */
  flushed = 0;
  /** Older entries that are only in the file, as in the offset index. */
  skipped = 0;

  /** Adds an entry when both columns grow, as the format demands. */
  add(timestamp: number, relativeOffset: number): void {
    const last = this.count - 1;
    if (timestamp < 0) return;
    if (last >= 0 && (timestamp <= this.timestamps[last]! || relativeOffset <= this.relativeOffsets[last]!)) return;
    if (this.count === this.timestamps.length) this.grow();
    this.timestamps[this.count] = timestamp;
    this.relativeOffsets[this.count] = relativeOffset;
    this.count++;
  }

  /** The last entry with a timestamp below the one given, or -1: everything up to its offset is older. */
  before(timestamp: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.timestamps[middle]! < timestamp) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  get lastTimestamp(): number {
    return this.count === 0 ? -1 : this.timestamps[this.count - 1]!;
  }

  get lastRelativeOffset(): number {
    return this.count === 0 ? -1 : this.relativeOffsets[this.count - 1]!;
  }

  /** Forget entries of batches that end after `relativeOffset`. */
  truncate(relativeOffset: number): void {
    while (this.count > 0 && this.relativeOffsets[this.count - 1]! > relativeOffset) this.count--;
    this.flushed = Math.min(this.flushed, this.count);
  }

  /** In memory and in the file. */
  get total(): number {
    return this.skipped + this.count;
  }

  clear(): void {
    this.count = 0;
    this.flushed = 0;
    this.skipped = 0;
  }

  /** Go on behind a file's `entries` entries, the last of which is this one. */
  resume(entries: number, timestamp: number, relativeOffset: number): void {
    this.clear();
    if (entries === 0) return;
    this.add(timestamp, relativeOffset);
    // Written once more, as nobody has looked whether the file has it.
    this.skipped = entries - 1;
  }

  /** `older` is what was skipped: it takes this one's entries over. */
  joinTo(older: TimeIndex): TimeIndex {
    for (let i = 0; i < this.count; i++) older.add(this.timestamps[i]!, this.relativeOffsets[i]!);
    return older;
  }

  encode(into: DataView, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const at = (i - from) * TIME_ENTRY_BYTES;
      const timestamp = this.timestamps[i]!;
      into.setInt32(at, Math.floor(timestamp / TWO_POW_32));
      into.setUint32(at + 4, timestamp % TWO_POW_32);
      into.setInt32(at + 8, this.relativeOffsets[i]!);
    }
  }

  /** Take over a file's entries. False when they cannot be right: the index is then empty. */
  decode(bytes: Uint8Array): boolean {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.clear();
    if (bytes.length % TIME_ENTRY_BYTES !== 0) return false;
    for (let at = 0; at < bytes.length; at += TIME_ENTRY_BYTES) {
      const timestamp = view.getInt32(at) * TWO_POW_32 + view.getUint32(at + 4);
      const offset = view.getInt32(at + 8);
      // A first entry of zeros may be real (one record at the epoch), and is harmless when it is padding.
      if (at > 0 && timestamp === 0 && offset === 0) break;
      const before = this.count;
      this.add(timestamp, offset);
      if (this.count === before) {
        this.clear();
        return false;
      }
    }
    this.flushed = this.count;
    return true;
  }

  private grow(): void {
    const size = this.timestamps.length * 2;
    const timestamps = new Float64Array(size);
    timestamps.set(this.timestamps);
    const offsets = new Int32Array(size);
    offsets.set(this.relativeOffsets);
    this.timestamps = timestamps;
    this.relativeOffsets = offsets;
  }
}
