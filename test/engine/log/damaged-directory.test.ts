// Whatever a partition's directory is found to be: the log is recovered, whole but for what was torn, or the start is refused
// with a message that says what to do. One generator makes them all; a sample is done again on real files.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nodeFileSystem } from '../../../src/engine/io/node-file-system.ts';
import { recoverLog } from '../../../src/engine/log/log-recovery.ts';
import { BatchScanner } from '../../../src/engine/log/batch-scanner.ts';
import { closeLog } from '../../../src/engine/log/log-close.ts';
import { loadDamage } from '../../../src/engine/log/damage-file.ts';
import { DEFAULT_LOG_CONFIG } from '../../../src/engine/log/log-config.ts';
import { ReadStatus } from '../../../src/engine/log/log-read.ts';
import { Log } from '../../../src/engine/log/log.ts';
import { CACHE_NOTE, DISK_NOTE } from '../../../src/engine/log/recovery-note.ts';
import {
  CONFIG,
  type Damage,
  DAMAGES,
  type Directory,
  type Ending,
  type Expected,
  healthy,
  openDirectory,
  type Stored,
} from './damaged-directory.ts';
import { dumpFaults } from './kafka-dump-check.ts';
import { batch, batchRanges, DIR, NOW, TOPIC_ID } from './log-bench.ts';

const ENDINGS: readonly Ending[] = ['clean', 'killed', 'power'];
let checked = 0;
const HEALTHY = new Map<Ending, Directory>(ENDINGS.map((ending) => [ending, healthy(ending)]));

function harmed(damage: Damage, ending: Ending): Directory {
  const whole = HEALTHY.get(ending)!;
  const fs = whole.fs.clone();
  damage.harm(fs);
  return { fs, recoveryPoint: damage.recoveryPoint ?? whole.recoveryPoint, batches: whole.batches };
}

function checkReads({ bench, log }: ReturnType<typeof openDirectory>, batches: readonly Stored[]): void {
  const wrong = batches.filter(({ baseOffset, bytes }) => {
    const got = bench.read(log, baseOffset, 1);
    return typeof got === 'number' || Buffer.compare(got, bytes) !== 0;
  });
  expect(wrong.map(({ baseOffset }) => baseOffset)).toEqual([]);
}

function checkRecovered(directory: Directory, ending: Ending, expected: Expected, readAll: boolean): void {
  const { fs } = directory;
  const left = directory.batches.slice(0, directory.batches.length - (expected.lost ?? 0));
  const endOffset = left.at(-1)!.endOffset;
  const opened = openDirectory(directory, ending);
  const { bench, log } = opened;
  const report = log.recovery!;
  expect([log.startOffset, log.endOffset, log.writtenOffset, report.damage]).toEqual([0, endOffset, endOffset, []]);
  expect(log.durableOffset).toBeLessThanOrEqual(endOffset);
  expect(report.strays).toEqual(expected.strays ?? []);
  expect(report.missingOffsets > 0).toBe(expected.missing === true);
  expect([log.leaderEpochs.epochs, log.leaderEpochs.startOffsets]).toEqual([
    [3, 4],
    [0, 80],
  ]);
  expect(log.producers.list()[0]!.lastSequence).toBe(endOffset - 1);
  checkReads(opened, readAll ? left : left.slice(-3));
  // It goes on where it ended, and the next start has all of it.
  const next = { ...batch(2, 40, NOW + 100), producerId: 5, producerEpoch: 0, baseSequence: endOffset };
  expect(bench.append(log, next)).toBe(endOffset);
  bench.settle();
  bench.table.requireDurable(log);
  bench.settle();
  expect(log.durableOffset).toBe(endOffset + 2);
  bench.table.close(log);
  for (const stray of expected.strays ?? []) fs.remove(`${DIR}/${stray}`);
  if (readAll) expect(dumpFaults(fs, DIR)).toEqual([]);
  expect(fs.openCount).toBe(0);
  if (!readAll && endOffset % 8 !== checked++ % 8) return;
  const again = openDirectory({ fs, recoveryPoint: endOffset + 2 }, 'clean');
  expect([again.log.recovery!.mode, again.log.endOffset, again.log.recovery!.readBytes < 2000]).toEqual(['clean', endOffset + 2, true]);
  checkReads(again, left.slice(-2));
}

/** What follows the hole is there; the hole itself is damage, or stepped over, and stays that over the starts that follow. */
function checkHole(directory: Directory, { startOffset, endOffset, acked }: NonNullable<Expected['hole']>): void {
  const { fs, batches } = directory;
  const left = batches.filter((batch) => batch.endOffset <= startOffset || batch.baseOffset >= endOffset);
  const end = batches.at(-1)!.endOffset;
  let opened = openDirectory(directory, 'power');
  const found = { startOffset, endOffset };
  const { damage, unflushed } = opened.log.recovery!;
  expect({ damage, unflushed }).toMatchObject(acked ? { damage: [found], unflushed: [] } : { damage: [], unflushed: [found] });
  for (const next of ['clean', 'power', 'power'] as const) {
    expect(opened.log.endOffset).toBe(end);
    checkReads(opened, left);
    const answers = new Set<number>();
    for (let offset = startOffset; offset < endOffset; offset++) {
      const got = opened.bench.read(opened.log, offset, 1);
      answers.add(acked ? (got as number) : batchRanges(got as Uint8Array)[0]![0]);
    }
    expect([...answers]).toEqual([acked ? ReadStatus.CORRUPT : endOffset]);
    const [segment] = opened.log.segments.flatMap(({ damage: ranges }) => ranges ?? []);
    expect(segment).toMatchObject(found);
    opened.bench.table.close(opened.log);
    expect(fs.openCount).toBe(0);
    // Checked once more from the start, now that the recovery point has passed it.
    if (next === 'power') for (const note of [CACHE_NOTE, DISK_NOTE]) fs.remove(`${DIR}/${note}`);
    opened = openDirectory({ fs, recoveryPoint: next === 'clean' ? end : startOffset + 2 }, next);
    expect(acked ? [] : opened.log.recovery!.damage).toEqual([]);
  }
}

function checkAside(directory: Directory, ending: Ending): void {
  const { log } = openDirectory(directory, ending);
  expect([log.recovery!.mode, log.endOffset]).toEqual(['created', 0]);
  const aside = log.recovery!.movedAside;
  expect(aside).toMatch(/^\/data\/topic-0\.[0-9a-f]{32}-stray$/);
  expect(directory.fs.list(aside).filter((name) => name.endsWith('.log')).length).toBeGreaterThan(3);
}

describe('a directory found damaged', () => {
  for (const [kind, generate] of Object.entries(DAMAGES)) {
    test(kind, () => {
      for (const damage of generate()) {
        for (const ending of damage.endings) {
          const directory = harmed(damage, ending);
          const { expected } = damage;
          try {
            if (expected.refused !== undefined) expect(() => openDirectory(directory, ending)).toThrow(expected.refused);
            else if (expected.hole !== undefined) checkHole(directory, expected.hole);
            else if (expected.movedAside === true) checkAside(directory, ending);
            else checkRecovered(directory, ending, expected, expected.lost === undefined);
          } catch (error) {
            throw new Error(`${damage.name}, ${ending}: ${(error as Error).message}`, { cause: error });
          }
        }
      }
    });
  }
});

test('the same on real files: a sample of the damages leaves the same bytes', () => {
  const root = process.env['LOG_DUMP_DIR'] ?? mkdtempSync(join(tmpdir(), 'ringlog-damaged-'));
  let number = 0;
  for (const damage of Object.values(DAMAGES).flatMap((generate) => [...generate()])) {
    if (number++ % 61 !== 0 || damage.expected.refused !== undefined || damage.expected.movedAside === true) continue;
    for (const ending of damage.endings) {
      const directory = harmed(damage, ending);
      const dir = join(root, `topic-${number}-${ending}`, 'topic-0');
      mkdirSync(dir, { recursive: true });
      for (const name of directory.fs.list(DIR)) writeFileSync(join(dir, name), directory.fs.bytesOf(`${DIR}/${name}`));
      const { bench, log } = openDirectory(directory, ending);
      bench.table.close(log);
      const real = new Log(dir, 'topic-0', TOPIC_ID, { ...DEFAULT_LOG_CONFIG, ...CONFIG }, 4);
      real.session = log.session;
      const { recoveryPoint } = directory;
      const start = { recoveryPoint, clean: ending === 'clean', session: log.session, logStartOffset: 0, nowMs: NOW };
      const report = recoverLog(nodeFileSystem, new BatchScanner(nodeFileSystem), real, start);
      expect([damage.name, ending, report]).toEqual([damage.name, ending, log.recovery]);
      real.recovery = report;
      loadDamage(nodeFileSystem, new BatchScanner(nodeFileSystem), real);
      closeLog(nodeFileSystem, real);
      const names = directory.fs.list(DIR).sort();
      expect([damage.name, ending, readdirSync(dir).sort()]).toEqual([damage.name, ending, names]);
      for (const name of names) expect(Buffer.compare(readFileSync(join(dir, name)), directory.fs.bytesOf(`${DIR}/${name}`))).toBe(0);
    }
  }
  expect(number).toBeGreaterThan(1000);
  if (process.env['LOG_DUMP_DIR'] === undefined) rmSync(root, { recursive: true });
});
