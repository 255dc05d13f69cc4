// The disk probe: every kind of call is made and counted, what a file system refuses is said, and nothing is left behind.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DISK_VERSION, type DiskLimits } from '../../src/contracts/disk-limits.ts';
import { probeDisk } from '../../src/run/disk-probe.ts';
import { diskLines, diskTable } from '../../src/sweep/disk-page.ts';

test('every size and depth is measured or its refusal is said; the files are gone after', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'disk-probe-'));
  const steps: string[] = [];
  try {
    const { figures, left } = await probeDisk({
      ...{ dir, secondsEach: 0.01, fileBytes: 32 << 20, signal: new AbortController().signal },
      onStep: (done, all, what) => void steps.push(`${done}/${all} ${what}`),
    });
    expect(figures.length + left.length).toBe(21);
    for (const refused of left) expect(refused).toContain('O_DIRECT');
    expect(figures.filter(({ work }) => work === 'append').map(({ bytes }) => bytes)).toEqual([4096, 16384, 65536, 1048576]);
    for (const { bytesPerSecond, callsPerSecond, bytes, p50Us, p99Us, maxUs } of figures) {
      expect(bytesPerSecond / callsPerSecond).toBeCloseTo(bytes, 3);
      expect(p50Us).toBeGreaterThan(0);
      expect(p99Us).toBeGreaterThanOrEqual(p50Us);
      expect(maxUs).toBeGreaterThanOrEqual(p99Us);
    }
    expect(readdirSync(dir)).toEqual([]);
    expect(steps).toHaveLength(21);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test('a stop ends it with what there is', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'disk-probe-'));
  try {
    const stop = new AbortController();
    const onStep = (done: number): void => void (done === 2 && stop.abort());
    const { figures, left } = await probeDisk({ dir, secondsEach: 0.01, fileBytes: 16 << 20, signal: stop.signal, onStep });
    expect(figures).toHaveLength(3);
    expect(left).toEqual(['stopped before its end']);
    expect(readdirSync(dir)).toEqual([]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test('a virtual disk is recognised in words, and the floor of a durable ack is named', () => {
  const one = {
    what: 'appended, fdatasync after each',
    depth: 1,
    bytesPerSecond: 1e6,
    callsPerSecond: 250,
    p50Us: 4000,
    p99Us: 9000,
    maxUs: 1e4,
  };
  const limits: DiskLimits = {
    ...{ diskVersion: DISK_VERSION, measuredAt: 'now', dir: '.', fileSystem: 'ext4', disk: 'vda', virtual: 'vda, virtual' },
    ...{ figures: [{ ...one, work: 'append-fdatasync', bytes: 4096 }], left: [] },
  };
  expect(diskLines(limits).join('\n')).toMatch(/at least 4,000 µs.*\n.*Virtual: vda/);
  expect(diskTable(limits).rows[0]).toEqual(['appended, fdatasync after each', '4 KiB', '1', '1.00', '250', '4,000', '9,000', '10,000']);
});
