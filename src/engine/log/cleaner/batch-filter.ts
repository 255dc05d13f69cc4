// BatchFilter: what is left of one batch when a log is cleaned. Owner: the thread that cleans. Hot enough: once a batch.
//
// A record stays when it lies beyond the key map, or is its key's last and either has a value or is a tombstone whose time
// has not come. Offsets never change: a batch keeps its base offset, its last offset and its sequence, whatever it loses.
// The first pass that sees a tombstone (or a marker without its transaction) writes into the batch when it may go: attribute
// bit 6, and the time in place of the base timestamp. A batch emptied of all records stays as a bare header where its end
// has to be known: the last batch of a producer, and the last of a cleaned segment.

import { crc32c } from '../../base/crc32c.ts';
import { ByteWriter, varlongSize } from '../../base/byte-writer.ts';
import { BATCH_HEADER_BYTES, BATCH_LENGTH_OVERHEAD, BatchAttribute, BatchField, writeInt64 } from '../../record/batch-header.ts';
import { compress, decompress } from '../../record/compression.ts';
import { RecordCursor } from '../../record/record-cursor.ts';
import type { BatchScanner } from '../batch-scanner.ts';
import type { LastBatch } from './clean-job.ts';
import type { CleanedTransactions } from './cleaned-transactions.ts';
import type { KeyMap } from './key-map.ts';

/** Of one stored batch: it was accepted once, perhaps before its topic was compacted. */
export const CLEANED_BATCH_BYTES_MAX = 512 * 1024 * 1024;

export const Verdict = {
  /** Stays as it is: the scanner's bytes. */
  KEEP: 0,
  /** `bytes` stands for it. */
  REWRITE: 1,
  DROP: 2,
} as const;

export class BatchFilter {
  /** With REWRITE: the batch, and what an index needs of it. */
  bytes: Uint8Array = new Uint8Array(0);
  lengthBytes = 0;
  maxTimestamp = 0;
  recordCount = 0;
  droppedRecords = 0;
  private readonly map: KeyMap;
  private readonly transactions: CleanedTransactions;
  private readonly producers = new Map<number, LastBatch>();
  private readonly nowMs: number;
  private readonly deleteRetentionMs: number;
  private readonly cursor = new RecordCursor();
  private readonly out = new ByteWriter(64 * 1024);
  /** Of the batch at hand: which records stay, and whether a tombstone is among those. */
  private readonly keptRecords: boolean[] = [];
  private hasTombstones = false;

  constructor(
    map: KeyMap,
    transactions: CleanedTransactions,
    { producers, nowMs, deleteRetentionMs }: { producers: readonly LastBatch[]; nowMs: number; deleteRetentionMs: number },
  ) {
    this.map = map;
    this.transactions = transactions;
    for (const last of producers) this.producers.set(last.producerId, last);
    this.nowMs = nowMs;
    this.deleteRetentionMs = deleteRetentionMs;
  }

  /**
   * The scanner's current batch, its bytes in the buffer. @param mustStay its end has to be known
   * @throws MalformedBytes, CannotDecompress
   */
  take(batch: BatchScanner, mustStay: boolean): number {
    const { attributes, recordCount } = batch;
    const isControl = (attributes & BatchAttribute.CONTROL) !== 0;
    const horizon = (attributes & BatchAttribute.DELETE_HORIZON) !== 0 ? batch.baseTimestamp : -1;
    const stays = mustStay || this.isLastOfProducer(batch, isControl);
    const isNobodys = this.isNobodys(batch, isControl);
    const goes = isNobodys && (!isControl || (horizon >= 0 && horizon <= this.nowMs));
    let kept = goes ? 0 : recordCount;
    this.hasTombstones = false;
    if (!goes && !isControl) kept = this.filterRecords(batch, horizon < 0 || this.nowMs < horizon);
    this.droppedRecords += recordCount - kept;
    if (kept === 0) {
      if (!stays) return Verdict.DROP;
      return recordCount === 0 ? Verdict.KEEP : this.writeEmpty(batch);
    }
    const newHorizon = horizon < 0 && (this.hasTombstones || (isControl && isNobodys)) ? this.nowMs + this.deleteRetentionMs : -1;
    if (kept === recordCount && newHorizon < 0) return Verdict.KEEP;
    return this.writeKept(batch, kept, newHorizon, isControl);
  }

  private isLastOfProducer(batch: BatchScanner, isControl: boolean): boolean {
    const last = batch.producerId < 0 ? undefined : this.producers.get(batch.producerId);
    if (last === undefined) return false;
    return last.lastOffset >= 0 ? batch.lastOffset === last.lastOffset : isControl && batch.producerEpoch === last.producerEpoch;
  }

  /** Records of an aborted transaction, or a marker of a transaction that has no batch any more. */
  private isNobodys(batch: BatchScanner, isControl: boolean): boolean {
    const { transactions } = this;
    if (!isControl) {
      return transactions.onData(batch.producerId, (batch.attributes & BatchAttribute.TRANSACTIONAL) !== 0, batch.lastOffset);
    }
    this.wrapRecords(batch);
    return transactions.onMarker(batch.producerId, batch.lastOffset, this.cursor.next() ? this.cursor.key : null);
  }

  /** Decides on each record. @returns how many stay */
  private filterRecords(batch: BatchScanner, keepTombstones: boolean): number {
    const { cursor } = this;
    this.wrapRecords(batch);
    let kept = 0;
    this.keptRecords.length = 0;
    while (cursor.next()) {
      const stays = this.staysInLog(batch.baseOffset + cursor.offsetDelta, keepTombstones);
      this.keptRecords.push(stays);
      if (!stays) continue;
      kept++;
      if (cursor.valueBytes < 0) this.hasTombstones = true;
    }
    return kept;
  }

  private staysInLog(offset: number, keepTombstones: boolean): boolean {
    const { map, cursor } = this;
    if (offset > map.latestOffset) return true;
    const { key } = cursor;
    // From before the topic was compacted: it can never be asked for by key.
    if (key === null) return false;
    return offset >= map.get(key) && (cursor.valueBytes >= 0 || keepTombstones);
  }

  private wrapRecords(batch: BatchScanner): void {
    const codec = batch.attributes & BatchAttribute.CODEC_MASK;
    const from = batch.at + BATCH_HEADER_BYTES;
    const to = batch.at + batch.lengthBytes;
    if (codec === 0 || batch.recordCount === 0) {
      this.cursor.wrap(batch.buffer, from, to, batch.recordCount);
      return;
    }
    const records = decompress(codec, batch.buffer.subarray(from, to), CLEANED_BATCH_BYTES_MAX);
    this.cursor.wrap(records, 0, records.length, batch.recordCount);
  }

  /** The records that stay, copied; a new horizon changes the base that their timestamps count from. */
  private writeKept(batch: BatchScanner, kept: number, newHorizon: number, isControl: boolean): number {
    const { cursor, out } = this;
    const baseTimestamp = newHorizon < 0 ? batch.baseTimestamp : newHorizon;
    let maxTimestamp = -1;
    // The body was opened above: walk the same bytes again.
    cursor.rewind(batch.recordCount);
    out.reset();
    for (let i = 0; cursor.next(); i++) {
      if (!isControl && !this.keptRecords[i]!) continue;
      const timestamp = batch.baseTimestamp + cursor.timestampDelta;
      maxTimestamp = Math.max(maxTimestamp, timestamp);
      if (newHorizon < 0) out.raw(cursor.bytes.subarray(cursor.start, cursor.end));
      else this.writeShifted(timestamp - baseTimestamp);
    }
    const codec = batch.attributes & BatchAttribute.CODEC_MASK;
    const view = this.beginBatch(batch, compress(codec, out.view()));
    if (newHorizon >= 0) {
      view.setInt16(BatchField.ATTRIBUTES, batch.attributes | BatchAttribute.DELETE_HORIZON);
      writeInt64(view, BatchField.BASE_TIMESTAMP, newHorizon);
    }
    const appendTime = (batch.attributes & BatchAttribute.LOG_APPEND_TIME) !== 0;
    return this.endBatch(view, appendTime ? batch.maxTimestamp : maxTimestamp, kept);
  }

  private writeShifted(timestampDelta: number): void {
    const { cursor, out } = this;
    const rest = cursor.end - cursor.offsetDeltaAt;
    const size = 1 + varlongSize(timestampDelta) + rest;
    out.varint(size);
    out.int8(0);
    out.varlong(timestampDelta);
    out.raw(cursor.bytes.subarray(cursor.offsetDeltaAt, cursor.end));
  }

  private writeEmpty(batch: BatchScanner): number {
    const view = this.beginBatch(batch, new Uint8Array(0));
    view.setInt16(BatchField.ATTRIBUTES, batch.attributes & ~(BatchAttribute.CODEC_MASK | BatchAttribute.DELETE_HORIZON));
    writeInt64(view, BatchField.BASE_TIMESTAMP, -1);
    return this.endBatch(view, batch.maxTimestamp, 0);
  }

  /** The batch's header over another body. */
  private beginBatch(batch: BatchScanner, body: Uint8Array): DataView {
    this.lengthBytes = BATCH_HEADER_BYTES + body.length;
    if (this.bytes.length < this.lengthBytes) this.bytes = new Uint8Array(Math.max(this.lengthBytes, this.bytes.length * 2));
    this.bytes.set(batch.buffer.subarray(batch.at, batch.at + BATCH_HEADER_BYTES));
    this.bytes.set(body, BATCH_HEADER_BYTES);
    const view = new DataView(this.bytes.buffer);
    view.setInt32(BatchField.LENGTH, this.lengthBytes - BATCH_LENGTH_OVERHEAD);
    return view;
  }

  private endBatch(view: DataView, maxTimestamp: number, recordCount: number): number {
    this.maxTimestamp = maxTimestamp;
    this.recordCount = recordCount;
    writeInt64(view, BatchField.MAX_TIMESTAMP, maxTimestamp);
    view.setInt32(BatchField.RECORD_COUNT, recordCount);
    view.setUint32(BatchField.CRC, crc32c(this.bytes, BatchField.ATTRIBUTES, this.lengthBytes - BatchField.ATTRIBUTES));
    return Verdict.REWRITE;
  }
}
