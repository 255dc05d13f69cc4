// Append one batch to a log: check it, give it its place, stage the write. Owner: the shard's thread. @hot
// Allocation-free once the log and the producer are known.
//
// Nothing is written here. The batch becomes a slot of a gathered write (one chain a segment and submit); the write's
// completion moves writtenOffset (LogTable.onAppended), or drops what was staged.

import { crc32c } from '../base/crc32c.ts';
import { assert } from '../base/assert.ts';
import { APPEND_PATCH, Ctl, Sq, SQ_SLOT_WORDS, SqField } from '../io/tick-layout.ts';
import { arenaBatchBytesMax, isRefused } from './arena-room.ts';
import type { BatchFacts } from '../record/batch-facts.ts';
import { BatchAttribute, BatchField, writeInt64 } from '../record/batch-header.ts';
import type { Log } from './log.ts';
import type { LogTable } from './log-table.ts';
import { needsRoll, rollLog } from './log-roll.ts';
import { recallBatches } from './producer-recall.ts';
import { SequenceVerdict } from './producer-state.ts';
import type { Segment } from './segment.ts';
import { noteBatch } from './segment-index.ts';

/** Why append() refused a batch. */
export const AppendFault = {
  /** The log is failed, full for the moment, or closed. */
  FAILED: -1,
  TOO_LARGE: -2,
  INVALID_TIMESTAMP: -3,
  OUT_OF_ORDER_SEQUENCE: -4,
  INVALID_PRODUCER_EPOCH: -5,
  /** Already stored: LogTable.duplicateBaseOffset, duplicateEndOffset, duplicateTimestamp. */
  DUPLICATE: -6,
  /** A producer id without a sequence, or one that cannot be. */
  INVALID_RECORD: -7,
} as const;

const SLOT_F64 = SQ_SLOT_WORDS / 2;

/** @returns the batch's base offset, or an AppendFault */
export function append(table: LogTable, log: Log, batch: BatchFacts): number {
  if (log.failed || log.closed || log.refusedTick === table.ring.ctlF64[Ctl.TICKS_F64]) return AppendFault.FAILED;
  const config = log.config;
  const nowMs = batch.nowMs;
  if (batch.lengthBytes > config.maxMessageBytes || batch.lengthBytes > config.segmentBytes) return AppendFault.TOO_LARGE;
  if (log.active.managed) {
    if (batch.lengthBytes > arenaBatchBytesMax(table.ring)) return AppendFault.TOO_LARGE;
    if (isRefused(table.ring, log, batch.lengthBytes)) return AppendFault.FAILED;
  }
  const logAppendTime = config.timestampType === 'LogAppendTime';
  if (!logAppendTime && !timestampsInRange(log, batch, nowMs)) return AppendFault.INVALID_TIMESTAMP;
  if (batch.producerId >= 0) {
    const fault = checkProducer(table, log, batch);
    if (fault !== 0) return fault;
  }
  if (needsRoll(log, batch, nowMs) && !rollLog(table, log, nowMs)) {
    return AppendFault.FAILED;
  }
  // A batch of another thread was stamped there: its bytes cannot be reached from here.
  if (logAppendTime && batch.arenaOffset >= 0) stampLogAppendTime(table.ring.arena, table.ring.view, batch.arenaOffset, batch);
  const baseOffset = log.endOffset;
  const lastOffset = baseOffset + batch.lastOffsetDelta;
  if (log.leaderEpoch > log.leaderEpochs.latestEpoch) log.leaderEpochs.assign(log.leaderEpoch, baseOffset);
  if (batch.producerId >= 0) {
    log.producers.recordBatch(batch, lastOffset);
  }
  const segment = log.active;
  const position = segment.stagedBytes;
  stage(table, log, segment, batch, baseOffset);
  noteBatch(segment, config.indexIntervalBytes, position, lastOffset, batch);
  log.recent.add(baseOffset, lastOffset, segment.baseOffset, position, batch, table.ring.ctlF64);
  log.endOffset = lastOffset + 1;
  table.counters.appended(log.counterRow, batch.lengthBytes, batch.recordCount);
  return baseOffset;
}

/** Producers without timestamps send -1, which is taken as it is. */
function timestampsInRange(log: Log, batch: BatchFacts, nowMs: number): boolean {
  const config = log.config;
  // Only a broker stamps log-append time.
  if ((batch.attributes & BatchAttribute.LOG_APPEND_TIME) !== 0) return false;
  if (batch.maxTimestamp < 0) return batch.maxTimestamp === -1;
  if (batch.maxTimestamp - nowMs > config.timestampAfterMaxMs || batch.maxTimestamp > Number.MAX_SAFE_INTEGER) return false;
  return nowMs - batch.baseTimestamp <= config.timestampBeforeMaxMs || batch.baseTimestamp < 0;
}

function checkProducer(table: LogTable, log: Log, batch: BatchFacts): number {
  // Nobody was given an id that large, and what is stored of producers could not be written down exactly.
  if (batch.producerId > Number.MAX_SAFE_INTEGER) return AppendFault.INVALID_RECORD;
  if (batch.baseSequence < 0 || batch.producerEpoch < 0) return AppendFault.INVALID_RECORD;
  let verdict = log.producers.check(batch);
  if (verdict === SequenceVerdict.OUT_OF_ORDER && log.producers.mayHaveForgotten(batch)) {
    // Unreadable now: neither stored again nor called wrong, the client asks again.
    if (!recallBatches(table, log)) return AppendFault.FAILED;
    verdict = log.producers.check(batch);
  }
  switch (verdict) {
    case SequenceVerdict.NEXT:
      return 0;
    case SequenceVerdict.DUPLICATE:
      table.duplicateBaseOffset = log.producers.duplicateBaseOffset;
      table.duplicateEndOffset = log.producers.duplicateEndOffset;
      table.duplicateTimestamp = log.producers.duplicateTimestamp;
      return AppendFault.DUPLICATE;
    case SequenceVerdict.OLD_EPOCH:
      return AppendFault.INVALID_PRODUCER_EPOCH;
    default:
      return AppendFault.OUT_OF_ORDER_SEQUENCE;
  }
}

/** Log-append time lies inside the checksum, so the batch at `at` is rewritten in place: attribute, max timestamp, CRC. */
export function stampLogAppendTime(bytes: Uint8Array, view: DataView, at: number, batch: BatchFacts): void {
  assert(at >= 0, 'log append time needs the bytes of the batch', at);
  batch.attributes |= BatchAttribute.LOG_APPEND_TIME;
  batch.maxTimestamp = Math.floor(batch.nowMs);
  view.setInt16(at + BatchField.ATTRIBUTES, batch.attributes);
  writeInt64(view, at + BatchField.MAX_TIMESTAMP, batch.maxTimestamp);
  const crc = crc32c(bytes, at + BatchField.ATTRIBUTES, batch.lengthBytes - BatchField.ATTRIBUTES);
  view.setUint32(at + BatchField.CRC, crc);
}

/** Enter the write into the submission ring, at the end of the log's open chain or as a new one. */
function stage(table: LogTable, log: Log, segment: Segment, batch: BatchFacts, baseOffset: number): void {
  const ring = table.ring;
  const ctl = ring.ctl;
  const sq = ring.sq;
  if (ctl[Ctl.SQ_COUNT] === ring.sqCapacity) ring.submit();
  const slot = ctl[Ctl.SQ_COUNT]!;
  ctl[Ctl.SQ_COUNT] = slot + 1;
  const at = slot * SQ_SLOT_WORDS;
  const chains = table.chains;
  const submits = ring.ctlF64[Ctl.SUBMITS_F64]!;
  if (log.chain >= 0 && log.chainSubmits === submits && chains.segment(log.chain) === segment) {
    sq[at + SqField.OP] = Sq.APPEND_MORE;
    sq[log.chainTailSlot * SQ_SLOT_WORDS + SqField.NEXT] = slot;
  } else {
    sq[at + SqField.OP] = Sq.APPEND;
    log.chain = chains.begin(log, segment);
    log.chainSubmits = submits;
    log.pendingChains++;
  }
  log.chainTailSlot = slot;
  const f = slot * SLOT_F64;
  sq[at + SqField.FD] = segment.fd;
  sq[at + SqField.LENGTH] = batch.lengthBytes;
  sq[at + SqField.TICKET] = log.chain;
  sq[at + SqField.FLAGS] = APPEND_PATCH;
  sq[at + SqField.LEADER_EPOCH] = log.leaderEpoch;
  sq[at + SqField.NEXT] = -1;
  ring.sqF64[f + SqField.POSITION_F64] = segment.stagedBytes;
  ring.sqF64[f + SqField.ADDRESS_F64] = batch.address;
  ring.sqF64[f + SqField.BASE_OFFSET_F64] = baseOffset;
  segment.stagedBytes += batch.lengthBytes;
  segment.endOffset = baseOffset + batch.lastOffsetDelta + 1;
  chains.extend(log.chain, batch.lengthBytes, segment.endOffset);
}
