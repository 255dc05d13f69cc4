// A table of logs over a fake ring and a disk in memory, and short words for what tests do with them.

import { expect } from 'vitest';
import type { Clock } from '../../../src/engine/base/clock.ts';
import { MemoryFileSystem } from '../../../src/engine/io/memory-file-system.ts';
import type { JournalOptions } from '../../../src/engine/log/commit-journal.ts';
import { append } from '../../../src/engine/log/log-append.ts';
import { DEFAULT_LOG_CONFIG, type LogConfig } from '../../../src/engine/log/log-config.ts';
import { publishNotes, recoveryPoints, unpublishedBytes } from '../../../src/engine/log/log-checkpoints.ts';
import { planRead, ReadPlan, ReadStatus } from '../../../src/engine/log/log-read.ts';
import { LogTable, type LogListener, type OpenOptions } from '../../../src/engine/log/log-table.ts';
import type { Log } from '../../../src/engine/log/log.ts';
import { DISK_NOTE, NEXT_NOTE } from '../../../src/engine/log/recovery-note.ts';
import { BatchFacts } from '../../../src/engine/record/batch-facts.ts';
import { BATCH_HEADER_BYTES, BatchHeader } from '../../../src/engine/record/batch-header.ts';
import { encodeBatch, type BatchSpec } from '../../support/batch-bytes.ts';
import { FakeTickRing } from '../../support/fake-tick-ring.ts';

export const DIR = '/data/topic-0';
export const TOPIC_ID = 'Yx2Gf3aQTz6qkq5W0mSa4A';
export const NOW = 1_700_000_000_000;

export class LogBench implements LogListener {
  readonly fs: MemoryFileSystem;
  readonly ring: FakeTickRing;
  readonly table: LogTable;
  readonly events: string[] = [];
  readonly config: LogConfig;
  private readonly facts = new BatchFacts();
  private readonly plan = new ReadPlan();

  constructor(
    config: Partial<LogConfig> = {},
    fs = new MemoryFileSystem(),
    ring = new FakeTickRing(fs),
    journal: JournalOptions | null = null,
  ) {
    this.fs = fs;
    this.config = { ...DEFAULT_LOG_CONFIG, ...config };
    this.ring = ring;
    this.ring.tick();
    const clock: Clock = { monotonicMs: () => 0, wallMs: () => NOW };
    this.table = new LogTable(this.ring, fs, clock, this, { journal });
    fs.makeDirectory('/data');
    fs.syncDirectory('/');
  }

  onWritten(log: Log): void {
    this.events.push(`written ${log.writtenOffset}`);
  }

  onDurable(log: Log): void {
    this.events.push(`durable ${log.durableOffset}`);
  }

  onJournalUnusable(directory: string, reason: string): void {
    this.events.push(`no journal in ${directory}: ${reason}`);
  }

  onFailed(_log: Log, errno: number): void {
    this.events.push(`failed ${errno}`);
  }

  onRot(log: Log, words: string): void {
    this.events.push(`rot in ${log.name}: ${words}`);
  }

  onReadable(log: Log): void {
    this.events.push(`readable ${log.name}`);
  }

  open(options: Partial<OpenOptions> = {}, dir = DIR): Log {
    return this.table.open(dir, dir.slice(dir.lastIndexOf('/') + 1), this.config, {
      recoveryPoint: 0,
      clean: false,
      session: '',
      logStartOffset: 0,
      firstDirtyOffset: 0,
      leaderEpoch: 0,
      topicId: TOPIC_ID,
      nowMs: NOW,
      ...options,
    });
  }

  /** Put the batch into the arena and append it. */
  append(log: Log, spec: BatchSpec, nowMs = NOW): number {
    return this.appendBytes(log, encodeBatch(spec), nowMs);
  }

  appendBytes(log: Log, bytes: Uint8Array, nowMs = NOW): number {
    const header = new BatchHeader(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    this.ring.arena.set(bytes, this.ring.inOffset);
    const { facts } = this;
    facts.arenaOffset = this.ring.inOffset;
    facts.address = this.ring.arenaAddress + this.ring.inOffset;
    facts.lengthBytes = bytes.length;
    facts.attributes = header.attributes;
    facts.lastOffsetDelta = header.lastOffsetDelta;
    facts.recordCount = header.recordCount;
    facts.baseTimestamp = header.baseTimestamp;
    facts.maxTimestamp = header.maxTimestamp;
    facts.producerId = header.producerId;
    facts.producerEpoch = header.producerEpoch;
    facts.baseSequence = header.baseSequence;
    this.ring.inOffset += bytes.length;
    facts.nowMs = nowMs;
    return append(this.table, log, facts);
  }

  settle(): void {
    this.ring.settle(this.table);
    this.ring.tick();
  }

  /** What the supervisor does with what shards report, for the one log there is. @returns its recovery point */
  checkpoint(): number {
    for (const { dir, baseOffsets } of publishNotes(this.table)) {
      const stems = baseOffsets.map((baseOffset) => `${dir}/${baseOffset.toString().padStart(20, '0')}`);
      for (const path of [...stems.flatMap((stem) => [`${stem}.index`, `${stem}.timeindex`]), `${dir}/${NEXT_NOTE}`]) {
        const fd = this.fs.open(path, 'r');
        this.fs.fdatasync(fd);
        this.fs.close(fd);
      }
      this.fs.rename(`${dir}/${NEXT_NOTE}`, `${dir}/${DISK_NOTE}`);
      this.fs.syncDirectory(dir);
    }
    return recoveryPoints(this.table)[0]!.offset;
  }

  unpublished(): number {
    return unpublishedBytes(this.table);
  }

  /** planRead until it does not wait for the disk, then the bytes of the plan. */
  read(log: Log, offset: number, maxBytes = 1_000_000, limit = Infinity, whole = true): Uint8Array | number {
    for (let attempt = 0; attempt < 1000; attempt++) {
      const status = planRead(this.table, log, offset, maxBytes, limit, whole, this.plan);
      if (status === ReadStatus.WAIT_IO) {
        this.ring.submit();
        this.ring.drain(this.table);
        continue;
      }
      if (status !== ReadStatus.OK) return status;
      const bytes = new Uint8Array(this.plan.length);
      expect(this.fs.read(this.plan.fd, bytes, 0, bytes.length, this.plan.position)).toBe(bytes.length);
      if (this.plan.arenaOffset >= 0) {
        const memory = this.ring.arena.subarray(this.plan.arenaOffset, this.plan.arenaOffset + bytes.length);
        expect(Buffer.compare(memory, bytes)).toBe(0);
      }
      return bytes;
    }
    throw new Error(`read at ${offset} never got on`);
  }
}

/** [base offset, last offset] of each whole batch in the bytes. */
export function batchRanges(bytes: Uint8Array): [number, number][] {
  const ranges: [number, number][] = [];
  const header = new BatchHeader(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  for (; header.at + BATCH_HEADER_BYTES <= bytes.length; header.at += header.sizeBytes) {
    if (header.at + header.sizeBytes > bytes.length) break;
    ranges.push([header.baseOffset, header.lastOffset]);
  }
  return ranges;
}

export function values(...texts: string[]): Uint8Array[] {
  return texts.map((text) => new TextEncoder().encode(text));
}

export function batch(count: number, sizeBytes = 10, timestamp = NOW): BatchSpec {
  return {
    values: Array.from({ length: count }, (_, i) => new Uint8Array(sizeBytes).fill(97 + (i % 26))),
    timestamps: Array.from({ length: count }, (_, i) => timestamp + i),
  };
}
