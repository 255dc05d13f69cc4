// OffsetIndex: where in a segment to begin looking for an offset. Owner: the shard's thread. Hot: add() on appends,
// floor() and ceiling() on reads; arrays double, so steady state allocates nothing.
//
// On disk (`N.index`): 8-byte big-endian entries, int32 (offset - N) and int32 file position. The offset is the last
// one of the batch that starts at the position; both columns ascend. The file is a cache: it may lag behind memory or
// be lost in a crash, and is then rebuilt from the log. An all-zero entry ends it (Kafka preallocates with zeros; a
// real entry is never zero, as the first batch of a segment gets none).
//
// After a restart only the entries from some position on are in memory (`skipped` older ones are in the file alone), as
// opening a log must not cost what its segments hold. Whoever looks up loads them first: ensureIndexes().

export const OFFSET_ENTRY_BYTES = 8;

const FIRST_CAPACITY = 16;

export class OffsetIndex {
  relativeOffsets = new Int32Array(FIRST_CAPACITY);
  positions = new Int32Array(FIRST_CAPACITY);
  count = 0;
  /** Of those in memory, how many are in the file too. */
  flushed = 0;
  /** Older entries that are only in the file. */
  skipped = 0;

  add(relativeOffset: number, position: number): void {
    const at = this.count++;
    if (at === this.positions.length) this.grow();
    this.relativeOffsets[at] = relativeOffset;
    this.positions[at] = position;
  }

  /** The first entry whose batch ends at or after the offset, or `count`. */
  ceiling(relativeOffset: number): number {
    return lowerBound(this.relativeOffsets, this.count, relativeOffset);
  }

  /** The last entry at or below a file position, or -1. */
  floorPosition(position: number): number {
    return lowerBound(this.positions, this.count, position + 1) - 1;
  }

  /** In memory and in the file. */
  get total(): number {
    return this.skipped + this.count;
  }

  /** Forget entries of batches that start at or after `position`. */
  truncate(position: number): void {
    this.count = lowerBound(this.positions, this.count, position);
    this.flushed = Math.min(this.flushed, this.count);
  }

  clear(): void {
    this.count = 0;
    this.flushed = 0;
    this.skipped = 0;
  }

  /** Go on behind a file's `entries` entries, the last of which is this one. */
  resume(entries: number, relativeOffset: number, position: number): void {
    this.clear();
    if (entries === 0) return;
    this.add(relativeOffset, position);
    // Written once more, as nobody has looked whether the file has it.
    this.skipped = entries - 1;
  }

  /** `older` is what was skipped: it takes this one's entries over. */
  joinTo(older: OffsetIndex): OffsetIndex {
    for (let i = 0; i < this.count; i++) older.add(this.relativeOffsets[i]!, this.positions[i]!);
    return older;
  }

  encode(into: DataView, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      into.setInt32((i - from) * OFFSET_ENTRY_BYTES, this.relativeOffsets[i]!);
      into.setInt32((i - from) * OFFSET_ENTRY_BYTES + 4, this.positions[i]!);
    }
  }

  /** Take over a file's entries. False when they cannot be right for a log of `logBytes`: the index is then empty. */
  decode(bytes: Uint8Array, logBytes: number): boolean {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.clear();
    if (bytes.length % OFFSET_ENTRY_BYTES !== 0) return false;
    let lastOffset = -1;
    let lastPosition = 0;
    for (let at = 0; at < bytes.length; at += OFFSET_ENTRY_BYTES) {
      const offset = view.getInt32(at);
      const position = view.getInt32(at + 4);
      if (offset === 0 && position === 0) break;
      if (offset <= lastOffset || position <= lastPosition || position >= logBytes) {
        this.clear();
        return false;
      }
      this.add(offset, position);
      lastOffset = offset;
      lastPosition = position;
    }
    this.flushed = this.count;
    return true;
  }

  private grow(): void {
    const size = this.positions.length * 2;
    const offsets = new Int32Array(size);
    offsets.set(this.relativeOffsets);
    const positions = new Int32Array(size);
    positions.set(this.positions);
    this.relativeOffsets = offsets;
    this.positions = positions;
  }
}

/** The first index in [0, count) of an ascending array whose value is >= `value`, or count. */
function lowerBound(values: Int32Array, count: number, value: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
