// EIO and ENOSPC at every n-th write, sync, read, open and rename below a log, with and without a commit journal: what was
// acked is there after a restart on a healthy disk, another log directory never notices, a failed write or sync of records
// takes the directory offline, and a full disk does not: service resumes. A mistake of this program's in the same places is
// no failure of a disk: it reaches the caller, whatever the work was for.

import { describe, expect, test } from 'vitest';
import type { DiskOperation } from '../../../src/engine/io/memory-file-system.ts';
import { MemoryFileSystem } from '../../../src/engine/io/memory-file-system.ts';
import { replayJournals } from '../../../src/engine/log/commit-journal-replay.ts';
import { isDiskError } from '../../../src/engine/io/disk-error.ts';
import { AppendFault } from '../../../src/engine/log/log-append.ts';
import type { Log } from '../../../src/engine/log/log.ts';
import { deleteRecordsBefore } from '../../../src/engine/log/retention.ts';
import { recordsIn } from '../../../src/engine/record/log-records.ts';
import { FakeTickRing } from '../../support/fake-tick-ring.ts';
import { journalOptions } from './commit-journal-bench.ts';
import { LogBench, NOW } from './log-bench.ts';

const FAILING = '/data';
const HEALTHY = '/other';
/** The least in which everything that `work` does now and then is done. */
const ROUNDS = 12;
const PLACES = 200;
const OPERATIONS: readonly DiskOperation[] = ['write', 'fdatasync', 'read', 'open', 'rename'];

const textAt = (bytes: Uint8Array | null): string => Buffer.from(bytes ?? []).toString();

/** One partition in one log directory, and what its clients know. */
class Client {
  readonly dir: string;
  log: Log | null = null;
  recoveryPoint = 0;
  /** Text at each offset, as last given out. */
  readonly texts = new Map<number, string>();
  /** Below these every offset was acked, at the level that a power cut and a kill leave. */
  durableEnd = 0;
  writtenEnd = 0;
  private readonly bench: LogBench;

  constructor(bench: LogBench, directory: string) {
    this.bench = bench;
    this.dir = `${directory}/topic-0`;
  }

  get directory(): string {
    return this.dir.slice(0, this.dir.lastIndexOf('/'));
  }

  /** Runs what may fail on the disk as the shard runs it. */
  attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.bench.table.onDiskError(this.dir, error);
    }
  }

  round(name: string): void {
    const { table, ring } = this.bench;
    if (this.log === null) {
      if (table.isOffline(this.directory)) return;
      this.attempt(() => (this.log = this.bench.open({ recoveryPoint: this.recoveryPoint }, this.dir)));
    }
    const { log } = this;
    if (log === null) return;
    const texts = [`${name} a`, `${name} b`];
    const values = texts.map((text) => Buffer.from(text.padEnd(60)));
    const base = this.bench.append(log, { values, timestamps: [NOW, NOW] });
    expect(base >= 0 || base === AppendFault.FAILED).toBe(true);
    texts.forEach((text, i) => base >= 0 && this.texts.set(base + i, text));
    ring.submit();
    ring.drain(table);
    table.requireDurable(log);
    this.bench.settle();
    this.durableEnd = Math.max(this.durableEnd, log.durableOffset);
    this.writtenEnd = Math.max(this.writtenEnd, log.writtenOffset);
  }

  /** Every acked record is there with its bytes. */
  check(ackedEnd: number): void {
    const log = this.log!;
    expect(log.endOffset).toBeGreaterThanOrEqual(ackedEnd);
    const found = new Map<number, string>();
    for (let offset = log.startOffset; offset < log.endOffset;) {
      const bytes = this.bench.read(log, offset);
      if (typeof bytes === 'number') throw new Error(`offset ${offset} is answered with status ${bytes}`);
      for (const record of recordsIn(bytes)) found.set((offset = record.offset), textAt(record.value).trim());
      offset++;
    }
    for (let offset = log.startOffset; offset < ackedEnd; offset++)
      expect([offset, found.get(offset)]).toEqual([offset, this.texts.get(offset)]);
  }
}

function benchOn(fs: MemoryFileSystem, journal: boolean): LogBench {
  const options = journal ? journalOptions({ direct: true }) : null;
  fs.makeDirectory(HEALTHY);
  fs.syncDirectory('/');
  return new LogBench({ segmentBytes: 1200, indexIntervalBytes: 200 }, fs, new FakeTickRing(fs, 2 * 1024 * 1024), options);
}

class Mistake extends Error {}

/** The n-th `operation` in the failing directory. @returns where it struck, once it has */
function injectFault(fs: MemoryFileSystem, operation: DiskOperation, fault: string | Mistake, n: number): { path: string | null } {
  const struck: { path: string | null } = { path: null };
  let count = 0;
  fs.fault = (one, path) => {
    if (one !== operation || !path.startsWith(`${FAILING}/`) || ++count !== n) return null;
    struck.path = path;
    if (fault instanceof Mistake) throw fault;
    return fault;
  };
  return struck;
}

function work(bench: LogBench, clients: readonly Client[], rounds: number, name: string): void {
  const [failing] = clients;
  for (let round = 0; round < rounds; round++) {
    for (const client of clients) client.round(`${name} ${round}`);
    const { log } = failing!;
    if (log === null || log.failed) continue;
    if (round % 4 === 3) failing!.attempt(() => void bench.read(log, log.startOffset));
    if (round % 7 === 6) failing!.attempt(() => (failing!.recoveryPoint = bench.checkpoint()));
    if (round % 11 === 10) deleteRecordsBefore(bench.table, log, log.startOffset + 5);
  }
}

/** The next start, on a disk that is well: after a power cut or a kill. */
function restart(fs: MemoryFileSystem, before: readonly Client[], journal: boolean, power: boolean): void {
  fs.fault = null;
  if (power) fs.crash();
  else fs.kill();
  if (journal) for (const directory of [FAILING, HEALTHY]) replayJournals(fs, directory, '', 1);
  const bench = benchOn(fs, journal);
  for (const old of before) {
    const client = new Client(bench, old.directory);
    client.log = bench.open({ recoveryPoint: old.recoveryPoint }, client.dir);
    for (const [offset, text] of old.texts) client.texts.set(offset, text);
    client.check(power ? old.durableEnd : old.writtenEnd);
  }
}

describe.each([
  ['segments synced', false],
  ['commit journal', true],
])('%s', (_name, journal) => {
  describe.each(OPERATIONS)('%s', (operation) => {
    // No read finds a disk full.
    test.each(operation === 'read' ? ['EIO'] : ['EIO', 'ENOSPC'])(`%s at each of ${PLACES} places`, (code) => {
      let reached = 0;
      for (let n = 1; n <= PLACES; n++) {
        const fs = new MemoryFileSystem();
        const bench = benchOn(fs, journal);
        const clients = [new Client(bench, FAILING), new Client(bench, HEALTHY)] as const;
        const struck = injectFault(fs, operation, code, n);
        const where = `${operation} ${n} ${code}`;
        try {
          work(bench, clients, ROUNDS, 'first');
          const offline = bench.table.isOffline(FAILING);
          expect(clients[1].durableEnd).toBe(2 * ROUNDS);
          if (struck.path !== null) {
            reached++;
            const records = struck.path.endsWith('.log') && (operation === 'write' || operation === 'fdatasync');
            if (records && (code === 'EIO' || operation === 'fdatasync')) expect(offline).toBe(true);
            if (code === 'ENOSPC' && operation !== 'fdatasync') expect(offline).toBe(false);
          }
          const missed = struck.path === null;
          fs.fault = null;
          if (!offline) {
            work(bench, clients, 2, 'then');
            expect(clients[0].durableEnd).toBe(clients[0].log!.endOffset);
            expect(clients[0].texts.get(clients[0].durableEnd - 1)).toBe('then 1 b');
          }
          restart(fs, clients, journal, n % 2 === 0);
          if (missed) break;
        } catch (error) {
          (error as Error).message += `\n(${where}, at ${struck.path})`;
          throw error;
        }
      }
      expect(reached).toBeGreaterThan(0);
    });

    test(`a mistake at each of ${PLACES} places`, () => {
      let reached = 0;
      for (let n = 1; n <= PLACES; n++) {
        const fs = new MemoryFileSystem();
        const bench = benchOn(fs, journal);
        const clients = [new Client(bench, FAILING), new Client(bench, HEALTHY)] as const;
        const struck = injectFault(fs, operation, new Mistake(`${operation} ${n}`), n);
        let seen: unknown = null;
        try {
          work(bench, clients, ROUNDS, 'first');
          bench.table.closeAll();
        } catch (error) {
          seen = error;
        }
        expect(seen, `${operation} ${n} at ${struck.path}`).toEqual(struck.path === null ? null : expect.any(Mistake));
        expect(bench.table.isOffline(FAILING), `${operation} ${n} at ${struck.path}`).toBe(false);
        if (struck.path === null) break;
        reached++;
      }
      expect(reached).toBeGreaterThan(0);
    });

    test(`EIO at each of ${PLACES} places of a recovery`, () => {
      const template = new MemoryFileSystem();
      const bench = benchOn(template, journal);
      const written = [new Client(bench, FAILING)];
      work(bench, written, ROUNDS, 'before');
      template.kill();
      for (let n = 1; n <= PLACES; n++) {
        const fs = template.clone();
        const struck = injectFault(fs, operation, 'EIO', n);
        try {
          if (journal) replayJournals(fs, FAILING, '', 1);
          benchOn(fs, journal).open({}, `${FAILING}/topic-0`);
        } catch (error) {
          expect(isDiskError(error), `${operation} ${n}: ${(error as Error).stack}`).toBe(true);
        }
        const reached = struck.path !== null;
        restart(fs, written, journal, false);
        if (!reached) break;
      }
    });
  });
});

test('of all that goes wrong in closing, a mistake is told before what disks refuse', () => {
  const fs = new MemoryFileSystem();
  const bench = benchOn(fs, false);
  const dirs = [`${FAILING}/topic-0`, `${HEALTHY}/topic-0`, `${HEALTHY}/topic-1`];
  for (const dir of dirs) bench.append(bench.open({}, dir), { values: [Buffer.from('a')], timestamps: [NOW] });
  bench.ring.submit();
  bench.ring.drain(bench.table);
  fs.fault = (operation, path) => {
    if (operation !== 'fdatasync') return null;
    if (path.startsWith(dirs[1]!)) throw new Mistake();
    return path.startsWith(dirs[0]!) ? 'EIO' : null;
  };
  expect(() => bench.table.closeAll()).toThrow(Mistake);
  expect([bench.table.isOffline(FAILING), bench.table.isOffline(HEALTHY)]).toEqual([true, false]);
  // The others are stored all the same.
  expect(bench.table.logs.map((log) => [log!.closed, log!.durableOffset])).toEqual([
    [true, 0],
    [true, 0],
    [true, 1],
  ]);
});
