import { describe, expect, test } from 'vitest';
import { COMMIT_BLOCK_BYTES, decodeJournalHeader, JournalHeader, RECORDS_START } from '../../../src/engine/log/commit-journal-format.ts';
import { JournalState } from '../../../src/engine/log/commit-journal.ts';
import { replayJournals } from '../../../src/engine/log/commit-journal-replay.ts';
import { writeMetaProperties } from '../../../src/engine/log/log-directory.ts';
import { commit, JOURNAL, journalBench, MIB, partition, restart, untilReady } from './commit-journal-bench.ts';
import { clean, cleaned, keyed, kv, recordsIn } from './cleaner/cleaner-bench.ts';
import { batch, batchRanges, type LogBench, NOW, values } from './log-bench.ts';
import type { MemoryFileSystem } from '../../../src/engine/io/memory-file-system.ts';
import type { Log } from '../../../src/engine/log/log.ts';

/** Some partitions, the journal ready, nothing of it live. */
function ready(count: number, bench = journalBench()): { bench: LogBench; logs: Log[] } {
  const logs = Array.from({ length: count }, (_, i) => partition(bench, i));
  untilReady(bench, logs[0]!);
  bench.table.commit.journalOf(logs[0]!)!.drain();
  bench.settle();
  bench.settle();
  bench.ring.syncs = 0;
  bench.ring.commits = 0;
  return { bench, logs };
}

function offsetsOf(bench: LogBench, log: Log): [number, number][] {
  return log.endOffset === 0 ? [] : batchRanges(bench.read(log, 0) as Uint8Array);
}

describe('group commit', () => {
  test('all partitions of a tick are one write, and no segment is synced', () => {
    const { bench, logs } = ready(50);
    for (const log of logs) bench.append(log, batch(2));
    bench.ring.submit();
    bench.ring.drain(bench.table);
    for (const log of logs) bench.table.requireDurable(log);
    bench.settle();
    expect([bench.ring.commits, bench.ring.syncs]).toEqual([1, 0]);
    for (const log of logs) expect(log.durableOffset).toBe(log.endOffset);
    // What a recovery may begin at has not moved.
    for (const log of logs.slice(1)) expect(log.syncedOffset).toBe(0);
  });

  test('records are written in place where that is asked for, the journal is made by other threads all the same', () => {
    const bench = journalBench(undefined, { inPlace: true });
    const log = partition(bench, 0);
    untilReady(bench, log);
    const { commits, commitsInPlace } = bench.ring;
    // Four steps of zeros and a header.
    expect(commits - commitsInPlace).toBeGreaterThan(4);
    commit(bench, log);
    expect([bench.ring.commits - commits, bench.ring.commitsInPlace - commitsInPlace]).toEqual([1, 1]);
    expect(log.durableOffset).toBe(log.endOffset);
  });

  test('what nobody waited for goes along, so that durable is a prefix', () => {
    const { bench, logs } = ready(1);
    const log = logs[0]!;
    for (let i = 0; i < 5; i++) {
      bench.append(log, batch(1));
      bench.settle();
    }
    expect(bench.ring.commits).toBe(0);
    commit(bench, log);
    bench.fs.crash();
    const after = restart(bench.fs);
    expect(after.report!.restored).toBe(1);
    expect(partition(after.bench, 0).endOffset).toBe(log.endOffset);
  });

  test('two records are on their way at once, what comes meanwhile is in the third', () => {
    const { bench, logs } = ready(4);
    const log = logs[0]!;
    const begin = (at: number): void => {
      bench.append(logs[at]!, batch(1));
      bench.ring.submit();
      bench.ring.drain(bench.table);
      bench.table.requireDurable(logs[at]!);
      bench.table.flush();
    };
    const before = bench.table.commit.journalOf(log)!.records;
    // Nothing is carried out between: the commits stay in the submission ring.
    const { submit } = bench.ring;
    bench.append(logs[0]!, batch(1));
    bench.append(logs[1]!, batch(1));
    bench.append(logs[2]!, batch(1));
    bench.append(logs[3]!, batch(1));
    submit.call(bench.ring);
    bench.ring.drain(bench.table);
    bench.ring.submit = () => undefined;
    begin(0);
    begin(1);
    begin(2);
    begin(3);
    expect(bench.table.commit.journalOf(log)!.records - before).toBe(2);
    bench.ring.submit = submit;
    bench.settle();
    expect(bench.table.commit.journalOf(log)!.records - before).toBe(3);
    for (const each of logs) expect(each.durableOffset).toBe(each.writtenOffset);
  });

  test('a commit that is large for one segment goes to the segment', () => {
    const { bench, logs } = ready(2);
    bench.append(logs[0]!, batch(1, 70_000));
    bench.append(logs[1]!, batch(1, 10));
    bench.ring.submit();
    bench.ring.drain(bench.table);
    for (const log of logs) bench.table.requireDurable(log);
    bench.settle();
    expect([bench.ring.commits, bench.ring.syncs]).toEqual([1, 1]);
    expect(logs.map((log) => log.durableOffset === log.endOffset)).toEqual([true, true]);
    expect(logs[0]!.syncedOffset).toBe(logs[0]!.endOffset);
  });

  test('bytes on both sides of a roll go to their segments, later ones to the journal', () => {
    const bench = journalBench();
    const log = partition(bench, 0);
    log.config = { ...log.config, segmentBytes: 2000 };
    untilReady(bench, log);
    for (let i = 0; i < 40; i++) {
      commit(bench, log, 1, 300);
      expect(log.durableOffset).toBe(log.endOffset);
    }
    expect(log.segments.length).toBeGreaterThan(5);
    expect(bench.ring.commits).toBeGreaterThan(20);
    bench.fs.crash();
    const after = restart(bench.fs);
    const recovered = partition(after.bench, 0);
    expect([recovered.endOffset, recovered.recovery!.damage]).toEqual([log.endOffset, []]);
  });

  test('the first who waits, while the journal is made, is served by a sync', () => {
    const bench = journalBench();
    const log = partition(bench, 0);
    commit(bench, log);
    expect([log.durableOffset, log.syncedOffset]).toEqual([1, 1]);
    expect(bench.ring.syncs).toBe(1);
  });

  test('flush.messages commits by the journal', () => {
    const { bench, logs } = ready(1);
    logs[0]!.config = { ...logs[0]!.config, flushMessages: 3 };
    const before = logs[0]!.durableOffset;
    for (const durable of [before, before, before + 3]) {
      bench.append(logs[0]!, batch(1));
      bench.settle();
      expect(logs[0]!.durableOffset).toBe(durable);
    }
    expect([bench.ring.commits, bench.ring.syncs]).toEqual([1, 0]);
  });
});

describe('space', () => {
  test('is used again and again, each time after the segments were synced; the journal grows to its bound', () => {
    const bench = journalBench(undefined, { maxBytes: 6 * MIB });
    const { logs } = ready(3, bench);
    const journal = bench.table.commit.journalOf(logs[0]!)!;
    for (let i = 0; i < 800; i++) {
      for (const log of logs) bench.append(log, batch(1, 12_000));
      bench.ring.submit();
      bench.ring.drain(bench.table);
      for (const log of logs) bench.table.requireDurable(log);
      bench.settle();
      for (const log of logs) expect(log.durableOffset).toBe(log.endOffset);
      expect(journal.state).toBe(JournalState.READY);
    }
    expect(journal.recordBytes).toBeGreaterThan(4 * 6 * MIB);
    expect(bench.fs.bytesOf(JOURNAL).length).toBe(6 * MIB);
    // A few rounds of syncs, not one a commit.
    expect(bench.ring.syncs).toBeLessThan(120);
    bench.fs.crash();
    const after = restart(bench.fs);
    expect(after.report!.faults).toEqual([]);
    for (let i = 0; i < 3; i++) expect(partition(after.bench, i).endOffset).toBe(logs[i]!.endOffset);
  });

  test('a journal that is written to all the time is drained now and then all the same', () => {
    const { bench, logs } = ready(1);
    const journal = bench.table.commit.journalOf(logs[0]!)!;
    let drained = 0;
    for (let second = 0; second < 100; second++) {
      commit(bench, logs[0]!);
      bench.table.requireAged(Infinity);
      bench.settle();
      bench.settle();
      if (!journal.holds(logs[0]!.active)) drained++;
    }
    expect(drained).toBeGreaterThanOrEqual(3);
    expect(drained).toBeLessThan(10);
  });

  test('a full journal leaves the commits to the segments', () => {
    const { bench, logs } = ready(2);
    // Its own syncs do not end.
    const { sync } = bench.table;
    sync.flush = () => undefined;
    let commits = 0;
    while (bench.ring.commits > commits || commits === 0) {
      commits = bench.ring.commits;
      commit(bench, logs[0]!, 1, 60_000);
    }
    expect(logs[0]!.durableOffset).toBeLessThan(logs[0]!.endOffset);
    // Nothing that still counts was written over.
    const behind = bench.fs.clone();
    Reflect.deleteProperty(sync, 'flush');
    bench.settle();
    expect(logs[0]!.durableOffset).toBe(logs[0]!.endOffset);
    expect(replayJournals(behind, '/data', '', 1)!.faults).toEqual([]);
  });

  test('the space of a record that is still on its way is not given away', () => {
    const { bench, logs } = ready(2);
    const journal = bench.table.commit.journalOf(logs[0]!)!;
    bench.ring.holdCommits = 1;
    commit(bench, logs[0]!);
    expect(bench.ring.heldCommits).toBe(1);
    commit(bench, logs[1]!);
    expect(logs[1]!.durableOffset).toBe(1);
    // The segments are synced, the record's write has not ended: it must not come down on another's bytes later.
    journal.drain();
    bench.settle();
    bench.settle();
    expect(logs[0]!.syncedOffset).toBe(logs[0]!.endOffset);
    expect(journal.holds(logs[0]!.active)).toBe(true);
    bench.ring.releaseCommits();
    bench.settle();
    bench.settle();
    expect(journal.holds(logs[0]!.active)).toBe(false);
  });

  test('an idle journal is drained, and then holds no log', () => {
    const { bench, logs } = ready(2);
    commit(bench, logs[1]!);
    const journal = bench.table.commit.journalOf(logs[1]!)!;
    expect(journal.holds(logs[1]!.active)).toBe(true);
    bench.table.requireAged(Infinity);
    bench.settle();
    bench.table.requireAged(Infinity);
    bench.settle();
    expect(journal.holds(logs[1]!.active)).toBe(false);
    expect(logs[1]!.syncedOffset).toBe(logs[1]!.endOffset);
    bench.fs.crash();
    expect(restart(bench.fs).report!.records).toBe(0);
  });

  test('a log that is closed or deleted does not keep the space', () => {
    const { bench, logs } = ready(3);
    for (const log of logs) commit(bench, log);
    const journal = bench.table.commit.journalOf(logs[0]!)!;
    bench.table.close(logs[0]!);
    bench.table.remove(logs[1]!);
    journal.drain();
    bench.settle();
    expect(journal.holds(logs[2]!.active)).toBe(false);
    bench.fs.crash();
    expect(restart(bench.fs).report!.faults).toEqual([]);
  });
});

describe('a failure', () => {
  test('of a journal write takes the directory offline: waiters fail, nothing is acked later', () => {
    const { bench, logs } = ready(2);
    const durable = logs.map((log) => log.durableOffset);
    bench.append(logs[0]!, batch(1));
    bench.ring.submit();
    bench.ring.drain(bench.table);
    bench.table.requireDurable(logs[0]!);
    bench.ring.commitFault = 5;
    bench.events.length = 0;
    bench.settle();
    bench.ring.commitFault = null;
    expect(bench.events).toEqual(['failed 5', 'failed 5']);
    for (const log of logs) bench.table.requireDurable(log);
    bench.settle();
    expect(logs.map((log) => [log.failed, log.durableOffset])).toEqual(durable.map((offset) => [true, offset]));
  });

  test('of a segment sync keeps what the journal has: the next start has every acked record', () => {
    const { bench, logs } = ready(2);
    commit(bench, logs[1]!, 3);
    const acked = logs[1]!.durableOffset;
    bench.ring.syncFault = 5;
    bench.table.commit.journalOf(logs[1]!)!.drain();
    bench.settle();
    expect(logs[1]!.failed).toBe(true);
    bench.table.closeAll();
    bench.table.commit.close(true);
    bench.fs.crash();
    expect(partition(restart(bench.fs).bench, 1).endOffset).toBe(acked);
  });

  test('no room for the journal is no failure: segments are synced', () => {
    const bench = journalBench();
    const log = partition(bench, 0);
    bench.fs.fault = (operation, path) => (operation === 'write' && path === JOURNAL ? 'ENOSPC' : null);
    commit(bench, log);
    commit(bench, log);
    expect([log.failed, log.durableOffset, log.syncedOffset]).toEqual([false, 2, 2]);
    expect(bench.events.filter((event) => event.startsWith('no journal'))).toEqual(['no journal in /data: there is no room for it']);
  });
});

describe('a disk that finds no room in blocks that were written before', () => {
  const full = (bench: LogBench, isFull: boolean): void => {
    bench.fs.fault = (operation, path) => (isFull && operation === 'write' && path === JOURNAL ? 'ENOSPC' : null);
  };
  const untold = (bench: LogBench): string[] => bench.events.filter((event) => event.startsWith('no journal'));

  test('segments are synced until there is room, nothing acked is lost, and the journal serves again', () => {
    const { bench, logs } = ready(2, journalBench(undefined, { direct: true }));
    const journal = bench.table.commit.journalOf(logs[0]!)!;
    for (const log of logs) commit(bench, log);
    full(bench, true);
    for (let round = 0; round < 3; round++) {
      const { records } = journal;
      for (const log of logs) {
        commit(bench, log);
        bench.settle();
        expect([log.failed, log.durableOffset, log.syncedOffset]).toEqual([false, log.endOffset, log.endOffset]);
      }
      // The first of them found out, the others did not ask again.
      expect(journal.records - records).toBe(round === 0 ? 1 : 0);
      // A drained journal cannot be told so either.
      bench.table.commit.look();
      bench.settle();
      expect([journal.state, bench.table.isOffline('/data')]).toEqual([JournalState.PAUSED, false]);
      expect(logs.every((log) => bench.table.commit.holds(log, log.active))).toBe(true);
    }
    expect(untold(bench)).toEqual(['no journal in /data: the disk is full']);
    full(bench, false);
    for (let look = 0; look < 2; look++) {
      bench.table.commit.look();
      bench.settle();
    }
    expect(journal.state).toBe(JournalState.READY);
    expect(logs.some((log) => bench.table.commit.holds(log, log.active))).toBe(false);
    const { records } = journal;
    for (const log of logs) commit(bench, log);
    expect(journal.records - records).toBe(2);
    const ends = logs.map((log) => log.durableOffset);
    bench.fs.crash();
    const { report, bench: after } = restart(bench.fs);
    expect([report!.records, report!.faults]).toEqual([2, []]);
    expect(logs.map((_, i) => partition(after, i).endOffset)).toEqual(ends);
  });

  test('a record that failed while another was on its way leaves the other', () => {
    const { bench, logs } = ready(2, journalBench(undefined, { direct: true }));
    bench.ring.holdCommits = 2;
    for (const log of logs) {
      bench.append(log, batch(1));
      bench.ring.submit();
      bench.ring.drain(bench.table);
      bench.table.requireDurable(log);
      bench.table.flush();
      bench.ring.submit();
    }
    let writes = 0;
    bench.fs.fault = (operation, path) => (operation === 'write' && path === JOURNAL && writes++ === 0 ? 'ENOSPC' : null);
    bench.ring.releaseCommits();
    bench.settle();
    bench.settle();
    expect(logs.map((log) => [log.failed, log.durableOffset === log.endOffset])).toEqual([
      [false, true],
      [false, true],
    ]);
    const ends = logs.map((log) => log.durableOffset);
    bench.fs.crash();
    const { report, bench: after } = restart(bench.fs);
    expect(report!.faults).toEqual([]);
    expect(logs.map((_, i) => partition(after, i).endOffset)).toEqual(ends);
  });

  test('where the page cache stands between, the directory is offline: what a sync lost is told to one waiter only', () => {
    const { bench, logs } = ready(1);
    full(bench, true);
    commit(bench, logs[0]!);
    expect([logs[0]!.failed, bench.table.isOffline('/data')]).toEqual([true, true]);
  });
});

describe('replay', () => {
  test('a clean stop leaves nothing to replay, and the file is used again', () => {
    const { bench, logs } = ready(1);
    commit(bench, logs[0]!);
    bench.table.closeAll();
    bench.table.commit.close(true);
    expect(replayJournals(bench.fs, '/data', '', 1)).toBeNull();
    const after = journalBench(bench.fs);
    const log = partition(after, 0, { clean: true });
    untilReady(after, log);
    commit(after, log);
    bench.fs.crash();
    expect(partition(restart(bench.fs).bench, 0).endOffset).toBe(log.endOffset);
  });

  test('after a crash of the process alone nothing is written, and what was in the page cache is synced', () => {
    const { bench, logs } = ready(2);
    commit(bench, logs[1]!, 4);
    bench.fs.kill();
    const { report } = restart(bench.fs);
    expect([report!.restored, report!.faults]).toEqual([0, []]);
    // The power goes after the replay: the journal counts no more, the segments have it.
    bench.fs.crash();
    const after = restart(bench.fs);
    expect(after.report).toBeNull();
    expect(partition(after.bench, 1).endOffset).toBe(4);
  });

  test('the power goes at any operation of the replay: the next replay has it all', () => {
    const { bench, logs } = ready(3);
    for (const log of logs) commit(bench, log, 2);
    const ends = logs.map((log) => log.endOffset);
    bench.fs.crash();
    for (let cut = 0, done = false; !done; cut++) {
      const disk = bench.fs.clone();
      let left = cut;
      disk.fault = () => (left-- > 0 ? null : 'EIO');
      try {
        replayJournals(disk, '/data', '', 1);
        done = true;
      } catch {
        // Cut.
      }
      disk.fault = null;
      disk.crash();
      const after = restart(disk);
      expect(logs.map((_, i) => partition(after.bench, i).endOffset)).toEqual(ends);
      expect(cut).toBeLessThan(1000);
    }
  });

  /** A disk after the power went, the journal on it before and after one more commit of partition 1, and where that is. */
  function beforeAndAfter(): { disk: MemoryFileSystem; before: Uint8Array; after: Uint8Array; position: number; used: number } {
    const { bench, logs } = ready(3);
    commit(bench, logs[1]!, 1, 30);
    commit(bench, logs[2]!, 1, 30);
    const position = RECORDS_START + bench.table.commit.journalOf(logs[0]!)!.recordBytes;
    const end = position + 2 * COMMIT_BLOCK_BYTES;
    const before = bench.fs.bytesOf(JOURNAL).slice(0, end);
    commit(bench, logs[1]!, 2, 30);
    const after = bench.fs.bytesOf(JOURNAL).slice(0, end);
    bench.fs.crash();
    bench.fs.putFile(JOURNAL, before);
    const used =
      2 * COMMIT_BLOCK_BYTES -
      after
        .subarray(position)
        .toReversed()
        .findIndex((byte) => byte !== 0);
    expect(used).toBeGreaterThan(200);
    expect(before.subarray(position).every((byte) => byte === 0)).toBe(true);
    return { disk: bench.fs, before, after, position, used };
  }

  const SEGMENT = '00000000000000000000.log';

  /** Replays `journal`: the last offset of partition 1, while partition 2 must come back whole. */
  function replayed(disk: MemoryFileSystem, journal: Uint8Array): number {
    disk.putFile(JOURNAL, journal);
    const report = replayJournals(disk, '/data', '', 1)!;
    expect(report.faults).toEqual([]);
    expect(batchRanges(disk.bytesOf(`/data/topic-2/${SEGMENT}`))).toEqual([[0, 0]]);
    return batchRanges(disk.bytesOf(`/data/topic-1/${SEGMENT}`)).at(-1)![1];
  }

  test('a record that never came down does not hide those behind it', () => {
    const { bench, logs } = ready(2);
    bench.ring.holdCommits = 1;
    bench.append(logs[0]!, batch(1, 60_000));
    bench.ring.submit();
    bench.ring.drain(bench.table);
    bench.table.requireDurable(logs[0]!);
    bench.settle();
    for (let i = 0; i < 3; i++) commit(bench, logs[1]!);
    const acked = logs.map((log) => log.durableOffset);
    expect([bench.ring.heldCommits, acked[1]]).toEqual([1, 3]);
    bench.fs.crash();
    const { bench: next, report } = restart(bench.fs);
    expect(report!.records).toBe(3);
    expect(logs.map((_, i) => partition(next, i).endOffset)).toEqual(acked);
  });

  test('a record torn at any byte is none, and all others count', () => {
    const { disk, before, after, position, used } = beforeAndAfter();
    for (let whole = 0; whole <= used; whole++) {
      const torn = before.slice();
      torn.set(after.subarray(position, position + whole), position);
      expect(replayed(disk.clone(), torn)).toBe(whole === used ? 2 : 0);
    }
    // The other way round: its end came first.
    for (let missing = 1; missing < used; missing++) {
      const torn = after.slice();
      torn.fill(0, position, position + missing);
      expect(replayed(disk.clone(), torn)).toBe(0);
    }
  });

  test('one flipped bit anywhere in a record takes that record and no other', () => {
    const { disk, after, position, used } = beforeAndAfter();
    for (let at = 0; at < used; at++) {
      const bytes = after.slice();
      bytes[position + at]! ^= 1 << (at % 8);
      expect(replayed(disk.clone(), bytes)).toBe(0);
    }
  });

  test('records on both sides of the end of the file are found, wherever it wraps', () => {
    let wrapped = 0;
    const { bench, logs } = ready(2);
    for (let i = 0; i < 240; i++) {
      if (i % 40 === 0) {
        bench.table.commit.journalOf(logs[0]!)!.drain();
        bench.settle();
      }
      commit(bench, logs[i % 2]!, 1, 3000 + ((i * 7919) % 50_000));
      if (i < 130 || i % 8 !== 0) continue;
      const disk = bench.fs.afterPowerCut();
      const { firstPosition } = decodeJournalHeader(disk.bytesOf(JOURNAL))!;
      const { bench: next, report } = restart(disk);
      logs.forEach((log, index) => expect(partition(next, index).endOffset).toBe(log.endOffset));
      expect(report!.faults).toEqual([]);
      if (firstPosition + report!.restoredBytes > 4 * MIB) wrapped++;
    }
    expect(wrapped).toBeGreaterThan(1);
  });

  test('a deleted partition, a deleted segment and another topic of the name are left alone', () => {
    const { bench, logs } = ready(4);
    for (const log of logs) commit(bench, log, 2);
    bench.table.remove(logs[1]!);
    bench.fs.remove(`${logs[2]!.dir}/00000000000000000000.log`);
    bench.fs.syncDirectory(logs[2]!.dir);
    bench.fs.putFile(`${logs[3]!.dir}/partition.metadata`, new TextEncoder().encode('version: 0\ntopic_id: Ax2Gf3aQTz6qkq5W0mSa4A\n'));
    bench.fs.crash();
    const { report } = restart(bench.fs);
    expect([report!.gone, report!.faults]).toEqual([3, []]);
    expect(bench.fs.exists(`${logs[2]!.dir}/00000000000000000000.log`)).toBe(false);
    expect(bench.fs.bytesOf(`${logs[3]!.dir}/00000000000000000000.log`).length).toBe(0);
  });

  test('a segment that a replay may write to is not compacted until the journal is drained', () => {
    const { bench, logs } = ready(1);
    const log = logs[0]!;
    log.config = { ...log.config, segmentBytes: 1500, cleanupCompact: true };
    for (let i = 0; log.segments.length < 4; i++) {
      bench.appendBytes(log, keyed(kv(`k${i % 3}=${`${i}`.padEnd(100)}`)));
      bench.table.requireDurable(log);
      bench.settle();
    }
    expect(clean(bench, log)).toBeNull();
    bench.table.commit.journalOf(log)!.drain();
    bench.settle();
    bench.settle();
    expect(cleaned(clean(bench, log)).segments.length).toBeGreaterThan(0);
    const before = recordsIn(bench, log);
    bench.fs.crash();
    const { bench: next, report } = restart(bench.fs);
    expect(report?.faults ?? []).toEqual([]);
    expect(recordsIn(next, partition(next, 0, { recoveryPoint: log.durableOffset }))).toEqual(before);
  });

  test('of another log directory is refused in words', () => {
    const bench = journalBench();
    writeMetaProperties(bench.fs, '/data', { clusterId: 'c', nodeId: 1, directoryId: 'Zx2Gf3aQTz6qkq5W0mSa4A' });
    const log = partition(bench, 0);
    untilReady(bench, log);
    commit(bench, log);
    bench.fs.crash();
    const report = replayJournals(bench.fs, '/data', 'Ax2Gf3aQTz6qkq5W0mSa4A', 1)!;
    expect(report.records).toBe(0);
    expect(report.faults).toEqual([
      `${JOURNAL}: it belongs to log directory Zx2Gf3aQTz6qkq5W0mSa4A, this one is Ax2Gf3aQTz6qkq5W0mSa4A; it is not replayed`,
    ]);
  });

  test('a damaged header is reported', () => {
    const { bench, logs } = ready(1);
    commit(bench, logs[0]!);
    const bytes = bench.fs.bytesOf(JOURNAL);
    bytes[JournalHeader.EPOCH]! ^= 1;
    bench.fs.putFile(JOURNAL, bytes);
    expect(replayJournals(bench.fs, '/data', '', 1)!.faults).toEqual([`${JOURNAL}: its header is damaged, nothing of it can be replayed`]);
    expect(replayJournals(bench.fs, '/data', '', 1)).toBeNull();
  });

  test('what a client sent does not pass for a record, even if it is one', () => {
    const { bench, logs } = ready(2);
    commit(bench, logs[1]!, 1, 10);
    // All of the journal, as a value whose block boundaries fall together with the file's.
    const journal = bench.fs.bytesOf(JOURNAL).subarray(RECORDS_START, RECORDS_START + 8 * COMMIT_BLOCK_BYTES);
    for (let shift = 0; shift < 8; shift++) {
      bench.append(logs[0]!, { values: [new Uint8Array(shift * 512), journal], timestamps: [NOW, NOW] });
      bench.table.requireDurable(logs[0]!);
      bench.settle();
    }
    const ends = logs.map((log) => log.endOffset);
    bench.fs.crash();
    const { bench: next, report } = restart(bench.fs);
    expect(report!.faults).toEqual([]);
    expect(ends.map((_, i) => partition(next, i).endOffset)).toEqual(ends);
  });

  test('the journal of a shard there is no more is replayed and removed', () => {
    const { bench, logs } = ready(1, journalBench(undefined, { shard: 3 }));
    commit(bench, logs[0]!, 2);
    const end = logs[0]!.endOffset;
    bench.fs.crash();
    const { bench: next } = restart(bench.fs);
    expect(next.fs.exists('/data/commit-journal.3')).toBe(false);
    expect(offsetsOf(next, partition(next, 0)).at(-1)).toEqual([end - 2, end - 1]);
  });

  test('values come back as they were', () => {
    const { bench, logs } = ready(2);
    bench.append(logs[1]!, { values: values('one', 'two'), timestamps: [NOW, NOW] });
    bench.table.requireDurable(logs[1]!);
    bench.settle();
    const bytes = bench.read(logs[1]!, 0) as Uint8Array;
    bench.fs.crash();
    const { bench: next } = restart(bench.fs);
    expect(Buffer.compare(next.read(partition(next, 1), 0) as Uint8Array, bytes)).toBe(0);
  });
});
