import { expect, test } from 'vitest';
import { MemoryFileSystem } from '../../../src/engine/io/memory-file-system.ts';
import { LeaderEpochCache } from '../../../src/engine/log/leader-epoch-cache.ts';
import { loadLeaderEpochs } from '../../../src/engine/log/leader-epoch-file.ts';
import { batch, DIR, LogBench } from './log-bench.ts';

function cacheOf(...entries: [number, number][]): LeaderEpochCache {
  const cache = new LeaderEpochCache();
  for (const [epoch, start] of entries) cache.assign(epoch, start);
  return cache;
}

test('OffsetForLeaderEpoch: the greatest epoch up to the one asked for, and where it ended', () => {
  const cache = cacheOf([2, 10], [4, 30], [7, 50]);
  const table: [number, number, number][] = [
    [-1, -1, -1],
    [1, 1, 10],
    [2, 2, 30],
    [3, 2, 30],
    [4, 4, 50],
    [6, 4, 50],
    [7, 7, 80],
    [8, -1, -1],
  ];
  for (const [asked, epoch, endOffset] of table) {
    expect([asked, cache.endOffsetFor(asked, 7, 80)]).toEqual([asked, { epoch, endOffset }]);
  }
  // A leader in an epoch without records yet: it begins at the log end.
  expect(cache.endOffsetFor(9, 9, 80)).toEqual({ epoch: 9, endOffset: 80 });
  expect(cache.endOffsetFor(8, 9, 80)).toEqual({ epoch: 7, endOffset: 80 });
  expect(new LeaderEpochCache().endOffsetFor(0, 0, 0)).toEqual({ epoch: 0, endOffset: 0 });
});

test('truncation from both ends', () => {
  const cache = cacheOf([2, 10], [4, 30], [7, 50]);
  cache.truncateFromEnd(50);
  expect([cache.epochs, cache.startOffsets]).toEqual([
    [2, 4],
    [10, 30],
  ]);
  cache.truncateFromStart(35);
  expect([cache.epochs, cache.startOffsets]).toEqual([[4], [35]]);
  expect([cache.epochAt(34), cache.epochAt(35)]).toEqual([-1, 4]);
  cache.assign(4, 99);
  cache.assign(3, 99);
  expect(cache.epochs).toEqual([4]);
});

test('the file is written at closing and read back; a broken one is rebuilt from the log', () => {
  const bench = new LogBench();
  const log = bench.open({ leaderEpoch: 1 });
  bench.append(log, batch(2));
  log.leaderEpoch = 5;
  bench.append(log, batch(2));
  bench.settle();
  bench.table.close(log);
  expect(bench.fs.readText(`${DIR}/leader-epoch-checkpoint`)).toBe('0\n2\n1 0\n5 2\n');
  bench.fs.putFile(`${DIR}/leader-epoch-checkpoint`, new TextEncoder().encode('0\n3\n1 0\n'));
  const again = new LogBench({}, bench.fs).open({ clean: true, leaderEpoch: 5 });
  expect([again.leaderEpochs.epochs, again.leaderEpochs.startOffsets]).toEqual([
    [1, 5],
    [0, 2],
  ]);
  const empty = new LeaderEpochCache();
  expect(loadLeaderEpochs(new MemoryFileSystem(), '/none', empty)).toBe(true);
});
