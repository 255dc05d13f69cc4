// Words for tests of compaction: keyed batches, one whole cleaning, what a log holds, a disk that dies at the n-th operation.

import { crc32c } from '../../../../src/engine/base/crc32c.ts';
import { cleanLog } from '../../../../src/engine/log/cleaner/clean-log.ts';
import { cleanableRange } from '../../../../src/engine/log/cleaner/cleanable-range.ts';
import { CleanRun } from '../../../../src/engine/log/cleaner/clean-run.ts';
import type { CleanedLog, CleanOutcome } from '../../../../src/engine/log/cleaner/clean-job.ts';
import type { FileSystem } from '../../../../src/engine/io/file-system.ts';
import type { Log } from '../../../../src/engine/log/log.ts';
import { BATCH_HEADER_BYTES, BatchAttribute, BatchField, BatchHeader } from '../../../../src/engine/record/batch-header.ts';
import { buildBatch, type BatchOptions } from '../../../../src/engine/record/batch-builder.ts';
import { BatchWalker, WalkStatus } from '../../../../src/engine/record/batch-walker.ts';
import { compress } from '../../../../src/engine/record/compression.ts';
import { recordsOf } from '../../../../src/engine/record/log-records.ts';
import { NOW, type LogBench } from '../log-bench.ts';

/** [key, value]; a null value deletes the key, a null key is a record from before compaction. */
export type Pair = readonly [key: string | null, value: string | null];

/** `key=value`, or `key` for its deletion. */
export function kv(...texts: string[]): Pair[] {
  return texts.map((text) => {
    const [key, value] = text.split('=');
    return [key!, value ?? null];
  });
}

export function keyed(pairs: readonly Pair[], codec = 0, options: Partial<BatchOptions> = {}): Uint8Array {
  const bytesOf = (text: string | null): Uint8Array | null => (text === null ? null : Buffer.from(text));
  const plain = buildBatch(
    pairs.map(([key, value], i) => ({ key: bytesOf(key), value: bytesOf(value), timestamp: (options.timestampMs ?? NOW) + i })),
    { timestampMs: NOW, ...options },
  );
  if (codec === 0) return plain;
  const bytes = Buffer.concat([plain.subarray(0, BATCH_HEADER_BYTES), compress(codec, plain.subarray(BATCH_HEADER_BYTES))]);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setInt32(BatchField.LENGTH, bytes.length - 12);
  view.setInt16(BatchField.ATTRIBUTES, view.getInt16(BatchField.ATTRIBUTES) | codec);
  view.setUint32(BatchField.CRC, crc32c(bytes, BatchField.ATTRIBUTES, bytes.length - BatchField.ATTRIBUTES));
  return bytes;
}

export interface StoredRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  readonly value: string | null;
}

export interface StoredBatch {
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly attributes: number;
  readonly baseTimestamp: number;
  readonly producerId: number;
  readonly baseSequence: number;
  readonly records: readonly StoredRecord[];
}

/** All batches as a reader that goes through the log gets them. */
export function batchesOf(bench: LogBench, log: Log): StoredBatch[] {
  const found: StoredBatch[] = [];
  for (let offset = log.startOffset; offset < log.writtenOffset;) {
    const bytes = bench.read(log, offset);
    if (typeof bytes === 'number') throw new Error(`read at ${offset} gave status ${bytes}`);
    const walker = new BatchWalker({ checkCrc: true, batchMaxBytes: Infinity });
    walker.wrap(bytes, 0, bytes.length, 0);
    while (walker.next() === WalkStatus.BATCH) {
      found.push(describe(bytes, walker.offset, walker.sizeBytes));
      offset = walker.header.lastOffset + 1;
    }
    if (walker.status !== WalkStatus.END && walker.status !== WalkStatus.SHORT) throw new Error(`walk ended with ${walker.status}`);
  }
  return found;
}

function describe(bytes: Uint8Array, at: number, sizeBytes: number): StoredBatch {
  const header = new BatchHeader(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at);
  const text = (part: Uint8Array | null): string | null => (part === null ? null : Buffer.from(part).toString());
  return {
    baseOffset: header.baseOffset,
    lastOffset: header.lastOffset,
    attributes: header.attributes,
    baseTimestamp: header.baseTimestamp,
    producerId: header.producerId,
    baseSequence: header.baseSequence,
    records: [...recordsOf(bytes, at, sizeBytes)].map(({ offset, timestamp, key, value }) => ({
      offset,
      timestamp,
      key: text(key),
      value: text(value),
    })),
  };
}

export function recordsIn(bench: LogBench, log: Log): StoredRecord[] {
  return batchesOf(bench, log)
    .filter(({ attributes }) => (attributes & BatchAttribute.CONTROL) === 0)
    .flatMap(({ records }) => records);
}

/** One cleaning from the look to the checkpoint; null when there is nothing to clean. */
export function clean(
  bench: LogBench,
  log: Log,
  options: { nowMs?: number; mapBytes?: number; fs?: FileSystem } = {},
): CleanOutcome | null {
  const { nowMs = NOW, mapBytes = 1024 * 1024, fs = bench.table.fs } = options;
  const range = cleanableRange(bench.table, log, log.writtenOffset, nowMs);
  if (range === null) return null;
  const run = new CleanRun(bench.table, log, range, nowMs);
  try {
    const outcome = cleanLog(fs, run.job, { mapBytes, bufferBytes: 4096 }, { spend: () => undefined });
    if (outcome.kind === 'cleaned' && run.swapIn(outcome)) {
      fs.syncDirectory(log.dir);
      log.firstDirtyOffset = outcome.cleanedToOffset;
    }
    return outcome;
  } finally {
    run.end();
  }
}

export function cleaned(outcome: CleanOutcome | null): CleanedLog {
  if (outcome?.kind !== 'cleaned') throw new Error(`not cleaned: ${JSON.stringify(outcome)}`);
  return outcome;
}

export class DiskDied extends Error {}

/** The disk until `operations` calls have been made of it; from then on every call throws. */
export function mortal<T extends FileSystem>(disk: T): T & { operationsLeft: number; used: number } {
  const state = { operationsLeft: Infinity, used: 0 };
  return new Proxy(disk, {
    get(target, name) {
      if (name in state) return state[name as keyof typeof state];
      const member = target[name as keyof T];
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => {
        if (name !== 'crash' && name !== 'kill' && name !== 'clone') {
          if (state.operationsLeft <= 0) throw new DiskDied(String(name));
          state.operationsLeft--;
          state.used++;
        }
        return (member as (...all: unknown[]) => unknown).apply(target, args);
      };
    },
    set(target, name, value) {
      if (name in state) state[name as keyof typeof state] = value as number;
      else target[name as keyof T] = value as T[keyof T];
      return true;
    },
  }) as T & { operationsLeft: number; used: number };
}
