// What a cleaning is asked to do and what it answers. Plain data: it travels from the shard that owns the log to a
// background thread and back. Owner: none.

/** A closed segment, written and synced to its end. */
export interface SourceSegment {
  readonly baseOffset: number;
  readonly sizeBytes: number;
  /** Base of the segment behind it. */
  readonly nextBaseOffset: number;
  /** What a power cut left out of it: stepped over. */
  readonly holes: readonly { readonly startPosition: number; readonly endPosition: number }[];
}

/** A producer the log remembers: its last batch has to stay, for its sequence. */
export interface LastBatch {
  readonly producerId: number;
  readonly producerEpoch: number;
  /** Last offset of its last batch with data; -1 when only a marker of this epoch is known. */
  readonly lastOffset: number;
}

export interface CleanJob {
  /** Of the partition. */
  readonly dir: string;
  /** From the first segment of the log to the last that may be cleaned. */
  readonly sources: readonly SourceSegment[];
  /** Base offsets of all segments of the log: a marker that ends a transaction may lie behind the sources. */
  readonly allBases: readonly number[];
  /** Below it every key occurs once. */
  readonly firstDirtyOffset: number;
  /** End of the last source. */
  readonly endOffset: number;
  readonly producers: readonly LastBatch[];
  /** Wall clock. */
  readonly nowMs: number;
  readonly deleteRetentionMs: number;
  readonly segmentBytes: number;
  readonly segmentIndexBytes: number;
  readonly indexIntervalBytes: number;
}

/** What the thread that does it may use. */
export interface CleanLimits {
  /** For the key map. */
  readonly mapBytes: number;
  /** For reading and for writing. */
  readonly bufferBytes: number;
}

/** Files `<base>.log.cleaned` … that stand for `sources`, on the disk. */
export interface CleanedSegment {
  readonly baseOffset: number;
  /** Base offsets of the segments it replaces; the first is its own. */
  readonly sources: readonly number[];
  readonly sizeBytes: number;
  readonly maxTimestamp: number;
  readonly maxTimestampOffset: number;
  readonly modifiedMs: number;
}

export interface CleanedLog {
  readonly kind: 'cleaned';
  /** First dirty offset from now on. Short of the job's end when the key map was full. */
  readonly cleanedToOffset: number;
  /** Ascending. Segments that came out as they were are not among them. */
  readonly segments: readonly CleanedSegment[];
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly droppedRecords: number;
}

/** A batch of this segment is not what was written: nothing of the pass is left, and the segment stays as it is. */
interface CorruptLog {
  readonly kind: 'corrupt';
  readonly baseOffset: number;
  readonly reason: string;
}

export type CleanOutcome = CleanedLog | CorruptLog;

/** Holds the thread back so that cleaning takes no more of the disk than it may. */
export interface IoThrottle {
  spend(bytes: number): void;
}
