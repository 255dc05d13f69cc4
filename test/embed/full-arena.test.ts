// An embedded producer and an arena of managed logs that is full: send() waits, trySend() says no, the caller's loop and the
// shards go on, nothing grows. In a process of its own whose disk is held (pressure-rig.ts).

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { DEADLINE_MS } from '../support/broker.ts';
import { compileSources, root } from '../workers/compiled.ts';
import { heldDisk, writeEngines } from '../workers/supervisor/pressure-rig.ts';

const MIB = 1024 * 1024;
const RECORDS = 60;
const VALUE_BYTES = 700 * 1024;

interface Seen {
  readonly stored: number;
  readonly other: number;
  readonly first: number;
  readonly trySend: boolean;
  readonly inFlightBytes: number;
  readonly grownBytes: number;
  readonly offsets: readonly number[];
}

let home: string;
beforeAll(() => compileSources(), 120_000);
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ringlog-full-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function run(shards: number): Promise<Seen> {
  const dir = join(home, 'data');
  const hold = join(home, 'hold');
  const env = { ...process.env, ...(await heldDisk(home, join(dir, 'm-0'), { hold }, 'threads')) };
  const script = join(root, 'test/embed/full-arena-child.mjs');
  const child = spawn(process.execPath, [script, dir, String(shards), hold], { stdio: ['ignore', 'pipe', 'pipe'], env });
  let out = '';
  let wrong = '';
  child.stdout.on('data', (piece: Buffer) => (out += piece.toString()));
  child.stderr.on('data', (piece: Buffer) => (wrong += piece.toString()));
  const late = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(late);
  expect(code, `${out}${wrong}`).toBe(0);
  return JSON.parse(out) as Seen;
}

test.skipIf(writeEngines().length === 0).each([0, 1])(
  'a full arena is a producer that waits, with shards: %i',
  { timeout: DEADLINE_MS * 2 },
  async (shards) => {
    const seen = await run(shards);
    expect(seen.stored * VALUE_BYTES).toBeLessThanOrEqual(16 * MIB);
    expect(seen).toMatchObject({ first: 0, other: 1, trySend: false });
    expect(seen.inFlightBytes).toBeLessThanOrEqual(8 * MIB);
    // The arena, what is in flight, and the loop's own; the values themselves are one.
    expect(seen.grownBytes).toBeLessThan((16 + 8 + 64) * MIB);
    expect(seen.offsets).toEqual(Array.from({ length: RECORDS }, (_, i) => i));
  },
);
