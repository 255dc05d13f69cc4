import { expect, test } from 'vitest';
import { MemoryFileSystem } from '../../../src/engine/io/memory-file-system.ts';
import {
  BadCheckpoint,
  formatCheckpoint,
  parseCheckpoint,
  parsePartitionName,
  readCheckpoint,
  writeCheckpoint,
} from '../../../src/engine/log/checkpoint-file.ts';

const ENTRIES = [
  { topic: 'orders', partition: 0, offset: 12 },
  { topic: 'a-b.c_d', partition: 31, offset: 2 ** 40 },
];

test('what is written is read', () => {
  expect(formatCheckpoint(ENTRIES)).toBe(`0\n2\norders 0 12\na-b.c_d 31 ${2 ** 40}\n`);
  expect(parseCheckpoint(formatCheckpoint(ENTRIES))).toEqual(ENTRIES);
  const fs = new MemoryFileSystem();
  fs.makeDirectory('/data');
  writeCheckpoint(fs, '/data/x', ENTRIES);
  expect(readCheckpoint(fs, '/data/x')).toEqual(
    new Map([
      ['orders-0', 12],
      ['a-b.c_d-31', 2 ** 40],
    ]),
  );
  expect(fs.list('/data')).toEqual(['x']);
});

test('an empty file holds nothing, a missing one too', () => {
  expect(parseCheckpoint('')).toEqual([]);
  expect(readCheckpoint(new MemoryFileSystem(), '/none').size).toBe(0);
});

test.each(['1\n0\n', '0\n', '0\n2\na 0 1\n', '0\n1\na 0 1\nb 0 1\n', '0\n1\na 0\n', '0\n1\na 0 x\n', '0\nx\n', 'nonsense'])(
  '%j is refused',
  (text) => {
    expect(() => parseCheckpoint(text)).toThrow(BadCheckpoint);
  },
);

test('names of partition directories', () => {
  expect(parsePartitionName('a-b-12')).toEqual({ topic: 'a-b', partition: 12 });
  for (const name of ['a', 'a-', '-1', 'a-01', 'a-0.00000000000000000000000000000000-delete', 'a-0-future']) {
    expect(parsePartitionName(name)).toBe(null);
  }
});
