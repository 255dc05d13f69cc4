// The kernel's counters as the benchmarks read them.

import { expect, test } from 'vitest';
import { benchModule } from './bench-module.ts';

const { parseDeviceStat } = await benchModule('device.mjs');
const { parseCpuStat, parseProcessStat } = await benchModule('cpu-time.mjs');
const { parseMemoryGroup } = await benchModule('memory-budget.mjs');
const { flags } = await benchModule('load.mjs');

test('block device: sectors are 512 bytes, flushes are the sixteenth field', () => {
  const text = '  10 1 16 5 20 2 64 7 0 9 12 3 0 128 1 33 44\n';
  expect(parseDeviceStat(text)).toEqual({ readBytes: 16 * 512, writes: 20, writeBytes: 64 * 512, flushes: 33 });
  expect(() => parseDeviceStat('cpu 1 2')).toThrow('no stat of a block device');
});

test('machine: neither idling, waiting for the disk nor the host counts as busy', () => {
  //          user nice system idle iowait irq softirq steal guest (in user already)
  const text = 'cpu  100 200 300 4000 500 10 20 70 60 0\ncpu0 1 2 3 4\n';
  expect(parseCpuStat(text)).toEqual({ busy: 6.3, steal: 0.7, total: 52 });
});

test('process: a name with blanks and brackets moves no field', () => {
  const text = `7 (a) (b c) S 2 0 0 0 -1 0 1 2 3 4 150 50 9 9 20 0 1\n`;
  expect(parseProcessStat(text)).toEqual({ parent: 2, seconds: 2, childSeconds: 0.18 });
});

test('memory group: version 1 where it has the controller, version 2 otherwise, none where nothing is mounted', () => {
  const one = 'cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n';
  expect(parseMemoryGroup('4:memory:/mine/x\n0::/\n', one)).toEqual({ version: 1, dir: '/sys/fs/cgroup/memory/mine/x' });
  const two = 'proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n';
  expect(parseMemoryGroup('0::/user.slice/a:b\n', two)).toEqual({ version: 2, dir: '/sys/fs/cgroup/user.slice/a:b' });
  expect(parseMemoryGroup('0::/\n', 'proc /proc proc rw 0 0\n')).toBeUndefined();
});

test('flags of the load generator', () => {
  expect(flags({ recordBytes: 100, create: true, delete: undefined, config: ['a=1', 'b=2'] })).toEqual([
    ...['--record-bytes', '100', '--create'],
    ...['--config', 'a=1', '--config', 'b=2'],
  ]);
});
