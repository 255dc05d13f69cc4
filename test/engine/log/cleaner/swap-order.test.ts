// The order of a swap's renames, and what recovery makes of every mixture that an order, or a disk that reorders names, leaves.

import { expect, test } from 'vitest';
import { MemoryFileSystem } from '../../../../src/engine/io/memory-file-system.ts';
import { BatchScanner } from '../../../../src/engine/log/batch-scanner.ts';
import { recoverSwaps } from '../../../../src/engine/log/cleaner/swap-recovery.ts';
import { BatchHeader } from '../../../../src/engine/record/batch-header.ts';
import { DIR, LogBench } from '../log-bench.ts';
import { clean, cleaned, DiskDied, keyed, mortal } from './cleaner-bench.ts';

const CONFIG = { cleanupCompact: true, cleanupDelete: false, segmentBytes: 1000 };
const SUFFIXES = ['.index', '.timeindex', '.log'];

/** `index` of three segments of ten offsets each, by their suffixes. */
const path = (index: number, suffix: string): string => `${DIR}/${String(index * 10).padStart(20, '0')}${suffix}`;

test('names change in the order that the head of segment-swap.ts gives', () => {
  const bench = new LogBench(CONFIG);
  const log = bench.open();
  for (let i = 0; log.segments.length < 7; i++) {
    bench.appendBytes(log, keyed([[`k${i % 9}`, `${i}`.padEnd(300)]]));
    bench.table.requireDurable(log);
    bench.settle();
  }
  log.config = { ...log.config, segmentBytes: 3000 };
  const renamed: string[] = [];
  const { fs } = bench;
  const rename = fs.rename.bind(fs);
  fs.rename = (from, to) => {
    renamed.push(`${from.slice(DIR.length + 1)} ${to.slice(to.lastIndexOf('.'))}`);
    rename(from, to);
  };
  const { segments } = cleaned(clean(bench, log));
  expect(segments.length).toBeGreaterThan(1);
  const stem = (offset: number): string => String(offset).padStart(20, '0');
  const each = (bases: readonly number[], from: string, to: (suffix: string) => string): string[] =>
    bases.flatMap((base) => SUFFIXES.map((suffix) => `${stem(base)}${suffix}${from} ${to(suffix)}`));
  expect(renamed.map((line) => line.replace(/^\d+\.txnindex.*/, '')).filter(Boolean)).toEqual([
    ...each(
      segments.map(({ baseOffset }) => baseOffset),
      '.cleaned',
      () => '.swap',
    ),
    ...segments.flatMap(({ baseOffset, sources }) => [
      ...each(sources, '', () => '.deleted'),
      ...each([baseOffset], '.swap', (suffix) => suffix),
    ]),
  ]);
});

/** A segment whose last batch ends before the next one's base. */
function segment(index: number, text: string): Uint8Array {
  const bytes = keyed(Array.from({ length: 10 }, (_, i) => [`${text} ${i}`, text] as const));
  new BatchHeader(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)).baseOffset = index * 10;
  return bytes;
}

const old = (index: number): Uint8Array => segment(index, 'old');
const fresh = (index: number): Uint8Array => segment(index, 'cleaned');

function directory(files: Readonly<Record<string, Uint8Array>>): MemoryFileSystem {
  const fs = new MemoryFileSystem();
  fs.makeDirectory('/data');
  fs.makeDirectory(DIR);
  for (const [name, bytes] of Object.entries(files)) fs.putFile(name, bytes);
  return fs;
}

/** Recovery, then again after it was killed at each of its operations. @returns what the directory holds */
function recovered(files: Readonly<Record<string, Uint8Array>>): Record<string, string> {
  const listing = (fs: MemoryFileSystem): Record<string, string> =>
    Object.fromEntries(fs.list(DIR).map((name) => [name, Buffer.from(fs.bytesOf(`${DIR}/${name}`)).toString('latin1')]));
  const whole = directory(files);
  recoverSwaps(whole, new BatchScanner(whole), DIR, whole.list(DIR));
  const expected = listing(whole);
  for (let left = 0, done = false; !done; left++) {
    const disk = directory(files);
    const fs = mortal(disk);
    fs.operationsLeft = left;
    try {
      recoverSwaps(fs, new BatchScanner(fs), DIR, fs.list(DIR));
      done = true;
    } catch (error) {
      if (!(error instanceof DiskDied)) throw error;
    }
    fs.operationsLeft = Infinity;
    recoverSwaps(fs, new BatchScanner(fs), DIR, fs.list(DIR));
    expect([left, logsOf(listing(disk))]).toEqual([left, logsOf(expected)]);
  }
  return expected;
}

/** Indexes can be made again. */
const logsOf = (files: Record<string, string>): [string, string][] => Object.entries(files).filter(([name]) => name.endsWith('.log'));

const named = (files: Readonly<Record<string, Uint8Array>>): Record<string, string> =>
  Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name.slice(DIR.length + 1), Buffer.from(bytes).toString('latin1')]));

const INDEX = new Uint8Array(8).fill(1);
const CLEANED_INDEX = new Uint8Array(8).fill(2);

test('a swap behind one that was not decided upon is undone', () => {
  expect(
    recovered({
      [path(0, '.log')]: old(0),
      [path(0, '.log.cleaned')]: fresh(0),
      [path(1, '.log')]: old(1),
      [path(1, '.index')]: INDEX,
      [path(1, '.log.swap')]: fresh(1),
      [path(1, '.index.swap')]: CLEANED_INDEX,
    }),
  ).toEqual(named({ [path(0, '.log')]: old(0), [path(1, '.log')]: old(1), [path(1, '.index')]: INDEX }));
});

test('a swap before one that was not decided upon takes effect, and takes all segments of its offsets along', () => {
  const both = Buffer.concat([fresh(0), fresh(1)]);
  expect(
    recovered({
      [path(0, '.log')]: old(0),
      [path(0, '.index')]: INDEX,
      [path(0, '.log.swap')]: both,
      [path(0, '.index.swap')]: CLEANED_INDEX,
      [path(1, '.log')]: old(1),
      [path(1, '.index')]: INDEX,
      [path(2, '.log')]: old(2),
      [path(2, '.log.cleaned')]: fresh(2),
    }),
  ).toEqual(named({ [path(0, '.log')]: both, [path(0, '.index')]: CLEANED_INDEX, [path(2, '.log')]: old(2) }));
});

test('a swap whose source is gone is all there is, whatever lies before it', () => {
  expect(
    recovered({
      [path(0, '.log')]: old(0),
      [path(0, '.log.cleaned')]: fresh(0),
      [path(1, '.log.swap')]: fresh(1),
      [path(1, '.index')]: CLEANED_INDEX,
    }),
  ).toEqual(named({ [path(0, '.log')]: old(0), [path(1, '.log')]: fresh(1), [path(1, '.index')]: CLEANED_INDEX }));
});

test('an index of the source does not stand for the cleaned segment', () => {
  expect(recovered({ [path(0, '.log')]: old(0), [path(0, '.index')]: INDEX, [path(0, '.log.swap')]: fresh(0) })).toEqual(
    named({ [path(0, '.log')]: fresh(0) }),
  );
});
