// The disk of the power-cut rig: it reads back what was written, keeps what was flushed, and of the rest keeps anything
// that was ever in a sector and nothing else.

import fc from 'fast-check';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { randomFrom } from '../../../src/cli/crash/random-from.ts';
import { BLOCK_BYTES, VolatileDisk } from '../../../src/cli/crash/volatile-disk.ts';

const BLOCKS = 4;
const SIZE = BLOCKS * BLOCK_BYTES;
const SECTOR = 512;

function withDisk(run: (disk: VolatileDisk) => void): void {
  const dir = mkdtempSync(join(tmpdir(), 'ringlog-disk-'));
  const fd = openSync(join(dir, 'image'), 'w+');
  try {
    ftruncateSync(fd, SIZE);
    run(new VolatileDisk(fd));
  } finally {
    closeSync(fd);
    rmSync(dir, { recursive: true });
  }
}

const content = (disk: VolatileDisk): Uint8Array => {
  const bytes = new Uint8Array(SIZE);
  disk.read(0, bytes);
  return bytes;
};

const write = fc.record({
  sector: fc.nat(SIZE / SECTOR - 1),
  sectors: fc.integer({ min: 1, max: 20 }),
  fill: fc.integer({ min: 1, max: 255 }),
});
const step = fc.oneof({ weight: 6, arbitrary: write }, { weight: 1, arbitrary: fc.constant('flush' as const) });

test('reads see the last write; a cut leaves each sector a version since the last flush', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.integer(), fc.constantFrom(0, 0.5, 1), (steps, seed, keep) => {
      withDisk((disk) => {
        const model = new Uint8Array(SIZE);
        let possible = Array.from({ length: SIZE / SECTOR }, () => new Set([0]));
        for (const one of steps) {
          if (one === 'flush') {
            disk.flush();
            possible = possible.map((_, sector) => new Set([model[sector * SECTOR]!]));
            continue;
          }
          const bytes = new Uint8Array(Math.min(one.sectors * SECTOR, SIZE - one.sector * SECTOR)).fill(one.fill);
          disk.write(one.sector * SECTOR, bytes);
          model.set(bytes, one.sector * SECTOR);
          for (let at = 0; at < bytes.length; at += SECTOR) possible[one.sector + at / SECTOR]!.add(one.fill);
        }
        expect(Buffer.compare(content(disk), model)).toBe(0);
        disk.cut(randomFrom(seed), keep);
        disk.restore();
        const left = content(disk);
        const foreign = possible.findIndex((values, sector) => {
          const found = left.subarray(sector * SECTOR, (sector + 1) * SECTOR);
          return !values.has(found[0]!) || found.some((byte) => byte !== found[0]);
        });
        expect(foreign, 'first sector that holds what was never written to it').toBe(-1);
        if (keep === 1) expect(Buffer.compare(left, model)).toBe(0);
      });
    }),
    { numRuns: 60 },
  );
});

test('with nothing kept, some of what was not flushed is gone', () => {
  withDisk((disk) => {
    disk.write(0, new Uint8Array(SIZE).fill(1));
    disk.cut(randomFrom(1), 0);
    expect(disk.counts).toMatchObject({ unflushedBlocks: BLOCKS, lostBlocks: BLOCKS });
    expect(content(disk).every((byte) => byte === 1)).toBe(false);
  });
});

test('armed, it cuts itself with the write that leaves so much unflushed, and not again', () => {
  withDisk((disk) => {
    const block = new Uint8Array(BLOCK_BYTES).fill(1);
    disk.armed = { blocks: 2, random: randomFrom(1), keep: 1 };
    disk.write(0, block);
    disk.write(0, block);
    disk.flush();
    disk.write(0, block);
    expect(disk.counts).toMatchObject({ isOff: false, unflushedBlocks: 0 });
    disk.write(BLOCK_BYTES, block);
    expect(disk.counts).toMatchObject({ isOff: true, unflushedBlocks: 2, volatileBlocks: 0 });
    disk.restore();
    disk.write(0, new Uint8Array(SIZE).fill(1));
    expect(disk.counts).toMatchObject({ isOff: false, volatileBlocks: BLOCKS });
  });
});
