// Which batches belong to aborted transactions, and which markers end transactions whose data is gone. Owner: the thread
// that cleans; fed with every batch of the cleaned range in order. Not hot.
//
// A marker stays while a batch of its transaction is there, and one pass longer: the pass that finds none of its batches
// sets the delete horizon, and a pass behind that drops it.

import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import type { FileSystem } from '../../io/file-system.ts';
import { readWholeFile } from '../segment-files.ts';
import { segmentFileName, TXN_INDEX_SUFFIX } from '../segment-name.ts';

/** An entry of a transaction index. */
export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
  /** Of the marker. */
  readonly lastOffset: number;
  readonly lastStableOffset: number;
}

/** On disk: int16 version 0, int64 producer id, first offset, last offset, last stable offset. */
const ENTRY_BYTES = 34;
/** Types of a control record, second int16 of its key. */
const MARKER_ABORT = 0;
const MARKER_COMMIT = 1;

/** All aborted transactions of a log, by first offset. */
export function readAbortedTransactions(fs: FileSystem, dir: string, bases: readonly number[]): AbortedTransaction[] {
  const found: AbortedTransaction[] = [];
  for (const base of bases) {
    const bytes = readWholeFile(fs, `${dir}/${segmentFileName(base, TXN_INDEX_SUFFIX)}`);
    if (bytes === null) continue;
    const r = new ByteReader(bytes);
    while (r.remaining >= ENTRY_BYTES) {
      r.skip(2);
      found.push({ producerId: r.int64(), firstOffset: r.int64(), lastOffset: r.int64(), lastStableOffset: r.int64() });
    }
  }
  return found.sort((a, b) => a.firstOffset - b.firstOffset);
}

export function encodeAbortedTransactions(entries: readonly AbortedTransaction[]): Uint8Array {
  const w = new ByteWriter(entries.length * ENTRY_BYTES);
  for (const { producerId, firstOffset, lastOffset, lastStableOffset } of entries) {
    w.int16(0);
    for (const value of [producerId, firstOffset, lastOffset, lastStableOffset]) w.int64(value);
  }
  return w.copy();
}

interface OngoingAbort {
  readonly transaction: AbortedTransaction;
  /** A batch of it was met. */
  hasData: boolean;
}

export class CleanedTransactions {
  /** Aborted transactions whose marker stays although its data goes: entries of the cleaned segment's index. */
  readonly kept: AbortedTransaction[] = [];
  private readonly aborted: readonly AbortedTransaction[];
  private next = 0;
  private readonly ongoingAborts = new Map<number, OngoingAbort>();
  private readonly ongoingCommits = new Set<number>();

  constructor(aborted: readonly AbortedTransaction[]) {
    this.aborted = aborted;
  }

  /** True when the batch's transaction was aborted: its records are nobody's. */
  onData(producerId: number, isTransactional: boolean, lastOffset: number): boolean {
    this.begin(lastOffset);
    if (!isTransactional) return false;
    const abort = this.ongoingAborts.get(producerId);
    if (abort === undefined) {
      this.ongoingCommits.add(producerId);
      return false;
    }
    abort.hasData = true;
    return true;
  }

  /** `key` is the marker's, null when its batch was emptied before. True when no batch of its transaction is left. */
  onMarker(producerId: number, lastOffset: number, key: Uint8Array | null): boolean {
    this.begin(lastOffset);
    if (key === null) return true;
    const type = new ByteReader(key, 2).int16();
    if (type === MARKER_COMMIT) return !this.ongoingCommits.delete(producerId);
    if (type !== MARKER_ABORT) return false;
    const abort = this.ongoingAborts.get(producerId);
    this.ongoingAborts.delete(producerId);
    if (abort === undefined || !abort.hasData) return true;
    this.kept.push(abort.transaction);
    return false;
  }

  private begin(lastOffset: number): void {
    for (; this.next < this.aborted.length && this.aborted[this.next]!.firstOffset <= lastOffset; this.next++) {
      const transaction = this.aborted[this.next]!;
      this.ongoingAborts.set(transaction.producerId, { transaction, hasData: false });
    }
  }
}
