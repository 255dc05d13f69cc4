// The two Produce walkers, TypeScript and C++, on the same frames, good and mutated: every word they write is the same.
// The C++ one is compiled here with sanitizers, apart from the addon; without a compiler there is nothing to compare.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CQ_SLOT_WORDS, DESC_WORDS, Desc, Frame } from '../../../../src/engine/io/tick-layout.ts';
import { walkProduce } from '../../../../src/net/kafka/wire/produce-walker.ts';
import { Dice, memoryFor, mutate, sampleProduce } from './sample-produce.ts';

const native = fileURLToPath(new URL('../../../../native', import.meta.url));
const compiler = process.env['CXX'] ?? 'g++';
const hasCompiler = spawnSync(compiler, ['--version'], { stdio: 'ignore' }).status === 0;
const FRAMES = 30_000;

let folder: string;
let tool: string;

beforeAll(() => {
  if (!hasCompiler) return;
  folder = mkdtempSync(join(tmpdir(), 'ringlog-walk-'));
  tool = join(folder, 'walk-frames');
  const sources = ['test/walk_frames_tool.cc', 'reactor/produce_walker.cc', 'reactor/batch_walker.cc', 'sys/crc32c.cc'];
  const flags = ['-std=c++20', '-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all', `-I${native}`, '-o', tool];
  const build = spawnSync(compiler, [...flags, ...sources.map((source) => join(native, source))], { encoding: 'utf8' });
  if (build.status !== 0) throw new Error(build.stderr);
});

afterAll(() => {
  if (hasCompiler) rmSync(folder, { recursive: true });
});

interface Case {
  frame: Uint8Array;
  offset: number;
  first: number;
  capacity: number;
}

function sampleCases(): Case[] {
  const dice = new Dice(99);
  return Array.from({ length: FRAMES }, () => {
    const { frame } = sampleProduce(dice);
    const first = dice.below(3);
    return { frame: dice.below(3) === 0 ? frame : mutate(dice, frame), offset: dice.below(9), first, capacity: first + dice.below(10) };
  });
}

test.skipIf(!hasCompiler)('write the same numbers', () => {
  const cases = sampleCases();
  const input = cases.flatMap(({ frame, offset, first, capacity }) => [
    new Uint8Array(Uint32Array.of(offset, frame.length, first, capacity).buffer),
    frame,
  ]);
  const run = spawnSync(tool, { input: Buffer.concat(input), maxBuffer: 1 << 30 });
  expect(run.stderr.toString()).toBe('');
  expect(run.status).toBe(0);
  const words = new Int32Array(run.stdout.buffer.slice(run.stdout.byteOffset, run.stdout.byteOffset + run.stdout.length));
  const statuses = new Map<number, number>();
  let at = 0;
  for (const { frame, offset, first, capacity } of cases) {
    const memory = memoryFor(frame, offset, capacity);
    walkProduce(memory, 0, offset, frame.length, first);
    const count = memory.cq[Frame.DESC_COUNT]!;
    const expected = [...memory.cq.subarray(0, CQ_SLOT_WORDS), ...memory.desc.subarray(first * DESC_WORDS, (first + count) * DESC_WORDS)];
    const found = [...words.subarray(at, at + expected.length)];
    at += expected.length;
    if (expected.some((word, i) => word !== found[i])) {
      expect(found, `frame ${Buffer.from(frame).toString('hex')} at ${offset}, descriptors ${first}..${capacity}`).toEqual(expected);
    }
    for (let d = first; d < first + count; d++) {
      const status = memory.desc[d * DESC_WORDS + Desc.STATUS]!;
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  }
  expect(at).toBe(words.length);
  // The samples reach every verdict.
  expect([...statuses.keys()].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});
