// WriteBack: what logs have put into the page cache goes to the disk in steps while they grow. Owner: the shard's thread.
// @hot
//
// Left alone, the kernel lets dirty pages gather for up to 30 s or a tenth of memory, and then a sync, or the kernel's own
// flusher, meets all of them at once, before the writes of whoever waits for an ack. Here the segments with enough dirty bytes
// stand in line; when together they have more than the limit, the oldest hands over its next step, and the next one goes when
// the disk has taken that. So at most one step of a shard is in the disk's queue, and a sync finds little besides.
//
//   0 ...... syncedBytes/pacedBytes ...... writtenBytes
//       clean, or on its way        dirty       ^ the page it ends in is still being written to: not yet
//
// Nothing is durable by this. But an error that a write meets here is told once, to us: the sync that follows on the same
// descriptor would call itself a success. So it counts as a failed sync.

import { constants } from 'node:os';
import { assert } from '../base/assert.ts';
import { Ctl, Sq, SQ_SLOT_WORDS, SqField } from '../io/tick-layout.ts';
import type { FileSystem } from '../io/file-system.ts';
import type { TickRing } from '../io/tick-ring.ts';
import { unpinSegment } from './segment-files.ts';
import type { Segment } from './segment.ts';

/** At most this much of one segment at a time. */
export const WRITE_BACK_STEP_BYTES = 4 * 1024 * 1024;
/** A segment with less is left to the kernel: many small logs would become many small writes, and scattered extents. */
export const WRITE_BACK_MIN_BYTES = 256 * 1024;
/** Steps end at a multiple of this, so that no page cache folio is cut in two that the next append may fill up. */
const ALIGN_BYTES = 64 * 1024;

const { EINVAL, ENOSYS, EOPNOTSUPP, EPERM, ESPIPE } = constants.errno;
/** Nobody can be asked for it here; nothing was tried. */
const NOT_SUPPORTED: readonly number[] = [EINVAL, ENOSYS, EOPNOTSUPP, EPERM, ESPIPE];

export class WriteBack {
  /** Dirty bytes of the segments in line that are let be (`ringlog.writeback.bytes`); 0 leaves all to the kernel. */
  limitBytes: number;
  /** Of the segments in line. */
  dirtyBytes = 0;
  /** Steps that the disk has taken, and their bytes. */
  steps = 0;
  stepBytes = 0;
  private readonly ring: TickRing;
  private readonly fs: FileSystem;
  private readonly onFailed: (segment: Segment, errno: number) => void;
  /** Circular: a list that is shifted would be given back and taken anew all the time. */
  private line: (Segment | null)[] = Array.from<Segment | null>({ length: 16 }).fill(null);
  private first = 0;
  private waiting = 0;
  private underWay: Segment | null = null;
  private underWayBytes = 0;

  /** @param onFailed a write failed: the segment's directory cannot be trusted any more */
  constructor(ring: TickRing, fs: FileSystem, limitBytes: number, onFailed: (segment: Segment, errno: number) => void) {
    this.ring = ring;
    this.fs = fs;
    this.limitBytes = limitBytes;
    this.onFailed = onFailed;
  }

  get isBusy(): boolean {
    return this.underWay !== null;
  }

  /** writtenBytes grew by `bytes`. */
  grew(segment: Segment, bytes: number): void {
    if (this.limitBytes === 0) return;
    if (!segment.inWriteBackLine) {
      const dirty = segment.writtenBytes - startOf(segment);
      if (dirty >= WRITE_BACK_MIN_BYTES) this.enter(segment, dirty);
      return;
    }
    segment.writeBackBytes += bytes;
    this.dirtyBytes += bytes;
  }

  /** End of tick: hand over the next step, if there is too much and none is under way. */
  flush(): void {
    while (this.underWay === null && this.waiting > 0 && this.dirtyBytes > this.limitBytes) this.handOver(this.leave());
  }

  onWrittenBack(result: number): void {
    const segment = this.underWay;
    assert(segment !== null, 'a step ends once');
    this.underWay = null;
    if (result >= 0) {
      this.steps++;
      this.stepBytes += this.underWayBytes;
    } else if (NOT_SUPPORTED.includes(-result)) {
      this.limitBytes = 0;
      while (this.waiting > 0) this.leave();
    } else {
      this.onFailed(segment, -result);
    }
    unpinSegment(this.fs, segment);
  }

  private handOver(segment: Segment): void {
    if (segment.retired || segment.fd < 0) return;
    const start = startOf(segment);
    const length = Math.min(segment.writtenBytes - (segment.writtenBytes % ALIGN_BYTES) - start, WRITE_BACK_STEP_BYTES);
    if (length <= 0) return;
    this.submit(segment, start, length);
    segment.pacedBytes = start + length;
    const left = segment.writtenBytes - segment.pacedBytes;
    if (left >= WRITE_BACK_MIN_BYTES) this.enter(segment, left);
  }

  private submit(segment: Segment, position: number, length: number): void {
    const { ring } = this;
    if (ring.ctl[Ctl.SQ_COUNT] === ring.sqCapacity) ring.submit();
    const slot = ring.ctl[Ctl.SQ_COUNT]!;
    ring.ctl[Ctl.SQ_COUNT] = slot + 1;
    const at = slot * SQ_SLOT_WORDS;
    ring.sq[at + SqField.OP] = Sq.WRITE_BACK;
    ring.sq[at + SqField.FD] = segment.fd;
    ring.sq[at + SqField.LENGTH] = length;
    ring.sq[at + SqField.TICKET] = 0;
    ring.sqF64[at / 2 + SqField.POSITION_F64] = position;
    segment.pins++;
    this.underWay = segment;
    this.underWayBytes = length;
  }

  private enter(segment: Segment, dirtyBytes: number): void {
    if (this.waiting === this.line.length) this.grow();
    this.line[(this.first + this.waiting++) % this.line.length] = segment;
    segment.inWriteBackLine = true;
    segment.writeBackBytes = dirtyBytes;
    this.dirtyBytes += dirtyBytes;
  }

  private leave(): Segment {
    const segment = this.line[this.first]!;
    this.line[this.first] = null;
    this.first = (this.first + 1) % this.line.length;
    this.waiting--;
    segment.inWriteBackLine = false;
    this.dirtyBytes -= segment.writeBackBytes;
    return segment;
  }

  private grow(): void {
    const { line, first } = this;
    this.line = [...line.slice(first), ...line.slice(0, first), ...Array.from<null>({ length: line.length }).fill(null)];
    this.first = 0;
  }
}

/** Where bytes begin that nobody has handed to the disk. After a cut, what was handed over may lie beyond the end. */
function startOf(segment: Segment): number {
  return Math.max(Math.min(segment.pacedBytes, segment.writtenBytes), segment.syncedBytes);
}
