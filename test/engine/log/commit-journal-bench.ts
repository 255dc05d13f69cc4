// Logs with a commit journal over a disk in memory, power cuts, and what is left after one.

import type { MemoryFileSystem } from '../../../src/engine/io/memory-file-system.ts';
import { type JournalOptions, JournalState } from '../../../src/engine/log/commit-journal.ts';
import { replayJournals, type ReplayReport } from '../../../src/engine/log/commit-journal-replay.ts';
import type { OpenOptions } from '../../../src/engine/log/log-table.ts';
import type { Log } from '../../../src/engine/log/log.ts';
import { FakeTickRing } from '../../support/fake-tick-ring.ts';
import { batch, LogBench } from './log-bench.ts';

export const JOURNAL = '/data/commit-journal.0';
export const MIB = 1024 * 1024;

let epochs = 0;

export function journalOptions(options: Partial<JournalOptions> = {}): JournalOptions {
  return {
    shard: 0,
    maxBytes: 4 * MIB,
    segmentFromBytes: 64 * 1024,
    inPlace: false,
    direct: false,
    random: (sizeBytes) => new Uint8Array(sizeBytes).fill(++epochs & 0xff, 0, 8).fill((epochs >> 8) + 1, 8),
    ...options,
  };
}

export function journalBench(fs?: MemoryFileSystem, options: Partial<JournalOptions> = {}): LogBench {
  const disk = fs ?? new LogBench().fs;
  return new LogBench({}, disk, new FakeTickRing(disk), journalOptions(options));
}

export function partition(bench: LogBench, index: number, options: Partial<OpenOptions> = {}): Log {
  const log = bench.open(options, `/data/topic-${index}`);
  bench.fs.syncDirectory('/data');
  return log;
}

/** The journal is made by the first who needs it: after this it serves. */
export function untilReady(bench: LogBench, log: Log): void {
  for (let i = 0; bench.table.commit.journalOf(log)!.state !== JournalState.READY; i++) {
    if (i === 100) throw new Error('the journal never became ready');
    bench.append(log, batch(1));
    bench.ring.submit();
    bench.ring.drain(bench.table);
    bench.table.requireDurable(log);
    bench.settle();
  }
}

/** Append, and wait until it is durable. */
export function commit(bench: LogBench, log: Log, records = 1, sizeBytes = 20): void {
  bench.append(log, batch(records, sizeBytes));
  bench.table.requireDurable(log);
  bench.settle();
}

export interface Restarted {
  readonly bench: LogBench;
  readonly report: ReplayReport | null;
}

/** The next start on the same disk. */
export function restart(fs: MemoryFileSystem, options: Partial<JournalOptions> = {}): Restarted {
  const report = replayJournals(fs, '/data', '', 1);
  return { bench: journalBench(fs, options), report };
}
