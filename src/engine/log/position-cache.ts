// PositionCache: where readers of one log will go on: offset -> segment and file position. Owner: the shard's thread.
// Hot; a few slots, replaced in turn. Emptied whenever the log is cut, as positions then change their meaning.

const SLOTS = 8;

export class PositionCache {
  private readonly offsets = new Float64Array(SLOTS).fill(-1);
  private readonly segments = new Float64Array(SLOTS);
  private readonly positions = new Int32Array(SLOTS);
  private next = 0;

  /** The batch that begins with `offset` starts at `position`. */
  put(offset: number, segmentBase: number, position: number): void {
    for (let i = 0; i < SLOTS; i++) if (this.offsets[i] === offset) return;
    const at = this.next;
    this.next = (at + 1) % SLOTS;
    this.offsets[at] = offset;
    this.segments[at] = segmentBase;
    this.positions[at] = position;
  }

  /** Position or -1. */
  find(offset: number, segmentBase: number): number {
    for (let i = 0; i < SLOTS; i++) {
      if (this.offsets[i] === offset && this.segments[i] === segmentBase) return this.positions[i]!;
    }
    return -1;
  }

  clear(): void {
    this.offsets.fill(-1);
  }
}
