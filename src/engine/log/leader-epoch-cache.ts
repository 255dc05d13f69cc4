// LeaderEpochCache: which leader epoch began at which offset of a log. Owner: the shard's thread. Not hot: assign() is
// called when an epoch changes. Kept in `leader-epoch-checkpoint` (a checkpoint file of "epoch startOffset" lines).
//
// The file may lag: recovery reassigns the epochs of every batch it scans, and the file is written before a recovery
// point past its changes is published (log-checkpoints.ts).

export interface EpochEnd {
  readonly epoch: number;
  readonly endOffset: number;
}

const UNDEFINED: EpochEnd = { epoch: -1, endOffset: -1 };

export class LeaderEpochCache {
  readonly epochs: number[] = [];
  readonly startOffsets: number[] = [];
  /** Differs from the file. */
  dirty = false;

  /** -1 when nothing is known. */
  get latestEpoch(): number {
    return this.epochs.length === 0 ? -1 : this.epochs[this.epochs.length - 1]!;
  }

  /** `epoch` begins at `startOffset`; entries that this contradicts were of a cut-off tail. Known epochs stay. */
  assign(epoch: number, startOffset: number): void {
    if (epoch < 0 || epoch <= this.latestEpoch) return;
    while (this.epochs.length > 0 && this.startOffsets[this.startOffsets.length - 1]! >= startOffset) this.pop();
    this.epochs.push(epoch);
    this.startOffsets.push(startOffset);
    this.dirty = true;
  }

  /** The epoch of the record at `offset`, or -1. */
  epochAt(offset: number): number {
    for (let i = this.epochs.length - 1; i >= 0; i--) if (this.startOffsets[i]! <= offset) return this.epochs[i]!;
    return -1;
  }

  /**
   * What OffsetForLeaderEpoch answers: the greatest epoch <= the one asked for, and where it ended.
   * `currentEpoch` is the leader's own, which counts from the log end even before its first record.
   */
  endOffsetFor(epoch: number, currentEpoch: number, logEndOffset: number): EpochEnd {
    if (epoch < 0) return UNDEFINED;
    if (epoch === Math.max(currentEpoch, this.latestEpoch)) return { epoch, endOffset: logEndOffset };
    let higher = 0;
    while (higher < this.epochs.length && this.epochs[higher]! <= epoch) higher++;
    let endOffset = logEndOffset;
    if (higher < this.epochs.length) endOffset = this.startOffsets[higher]!;
    else if (currentEpoch <= epoch) return UNDEFINED;
    return { epoch: higher === 0 ? epoch : this.epochs[higher - 1]!, endOffset };
  }

  /** Records at and above `endOffset` are gone. */
  truncateFromEnd(endOffset: number): void {
    while (this.epochs.length > 0 && this.startOffsets[this.startOffsets.length - 1]! >= endOffset) this.pop();
  }

  /** Records below `startOffset` are gone: the epoch it lies in begins there now. */
  truncateFromStart(startOffset: number): void {
    let keep = 0;
    while (keep + 1 < this.epochs.length && this.startOffsets[keep + 1]! <= startOffset) keep++;
    if (keep > 0) {
      this.epochs.splice(0, keep);
      this.startOffsets.splice(0, keep);
      this.dirty = true;
    }
    if (this.epochs.length > 0 && this.startOffsets[0]! < startOffset) {
      this.startOffsets[0] = startOffset;
      this.dirty = true;
    }
  }

  clear(): void {
    this.dirty ||= this.epochs.length > 0;
    this.epochs.length = 0;
    this.startOffsets.length = 0;
  }

  private pop(): void {
    this.epochs.pop();
    this.startOffsets.pop();
    this.dirty = true;
  }
}
