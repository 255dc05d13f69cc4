// The four lines of docs/embedding.md on what an acked send survives, each with a process that is killed while it sends.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { codec } from '../../src/embed/codec.ts';
import { root } from '../workers/compiled.ts';
import { KINDS, useTemporaryLogs } from './temporary-log.ts';

const ENOUGH = 300;
/** `line` of the table in the documentation, from 0. */
const LINES = [
  { line: 0, acks: '0', storage: 'page-cache', fsync: 'before-ack', durability: 'sent', survives: false },
  { line: 1, acks: '1', storage: 'page-cache', fsync: 'before-ack', durability: 'written', survives: true },
  { line: 1, acks: '1', storage: 'managed', fsync: 'before-ack', durability: 'written', survives: false },
  { line: 2, acks: 'all', storage: 'page-cache', fsync: 'before-ack', durability: 'disk', survives: true },
  { line: 2, acks: 'all', storage: 'managed', fsync: 'before-ack', durability: 'disk', survives: true },
  { line: 3, acks: 'all', storage: 'page-cache', fsync: 'never', durability: 'written', survives: true },
] as const;

interface Acked {
  readonly partition: number;
  readonly offset: number;
  readonly value: string;
  readonly durability: string;
}

/** Sends until it has told of some answers, then kill -9. @returns what it told of */
async function killWhileSending(dir: string, shards: number, { acks, storage, fsync }: (typeof LINES)[number]): Promise<Acked[]> {
  const script = join(root, 'test/embed/crash-child.mjs');
  const child = spawn(process.execPath, [script, dir, String(shards), acks, storage, fsync], { stdio: ['ignore', 'pipe', 'pipe'] });
  let told = '';
  let wrong = '';
  child.stderr.on('data', (chunk: Buffer) => (wrong += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => {
    told += chunk.toString();
    if (told.split('\n').length > ENOUGH) child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.once('close', resolve));
  const [first, ...lines] = told.split('\n');
  expect(first, wrong).toBe('open');
  // The last line may be cut off.
  return lines.slice(0, -1).map((line) => {
    const [partition, offset, value, durability] = line.split(' ');
    return { partition: Number(partition), offset: Number(offset), value: value!, durability: durability! };
  });
}

describe.each(KINDS.slice(0, 2))('killed $name', (kind) => {
  // What a level means is the same on both; that shards on threads keep to it is seen at the level that most use.
  const lines = LINES.filter(({ line }) => kind.shards === 0 || line === 2);
  const logs = useTemporaryLogs();

  test.each(lines)('acks=$acks on $storage, fsync $fsync: $durability', async (level) => {
    const { durability, survives } = level;
    const dir = logs.directory();
    const acked = await killWhileSending(dir, kind.shards, level);
    expect(acked.length).toBeGreaterThanOrEqual(ENOUGH - 2);
    expect(new Set(acked.map((one) => one.durability))).toEqual(new Set([durability]));
    const log = await logs.open(kind, { dir, logger: { info: () => undefined, warn: () => undefined, error: () => undefined } });
    const ends = await log.admin.offsets('t', 'latest');
    const consumer = log.consumer({ topics: ['t'], value: codec.string });
    const found = new Map<string, string>();
    while (found.size < ends.reduce((sum, { offset }) => sum + offset, 0)) {
      for (const { partition, offset, value } of (await consumer.next()).records) found.set(`${partition}:${offset}`, value!.trimEnd());
    }
    // What is there is whole and has its place; at some levels that is all that is promised.
    for (const { partition, offset, value } of acked) {
      if (offset < 0) continue;
      const there = found.get(`${partition}:${offset}`);
      if (survives || there !== undefined) expect(there).toBe(value);
    }
    expect(await log.producer().send('t', { value: 'and on' })).toMatchObject({ durability: 'disk' });
  });
});

test('the contract stands in the documentation, one line a level', () => {
  const text = readFileSync(join(root, 'docs/embedding.md'), 'utf8');
  const lines = text.split('\n').filter((line) => line.startsWith('| `acks:'));
  expect(lines.map((line) => /`acks: ([^`]*)`/.exec(line)![1])).toEqual(['0', '1', "'all'", "'all'"]);
});
