// Heap bytes that a record costs an embedded producer in steady state, when keys and values are bytes: no object a record.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compileSources } from '../workers/compiled.ts';

/** The smallest object has 16, and a batch of 600 records has its own. */
const LIMIT_BYTES = 12;

const dir = mkdtempSync(join(tmpdir(), 'ringlog-alloc-'));
beforeAll(() => compileSources());
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('heap bytes a record, sendBatch and trySend', async () => {
  const script = fileURLToPath(new URL('send-windows.mjs', import.meta.url));
  const flags = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, script, dir, String(LIMIT_BYTES)]);
  process.stdout.write(`heap bytes a record of an embedded producer: ${stdout}`);
  const { sendBatch, trySend } = JSON.parse(stdout) as { sendBatch: number; trySend: number };
  expect(sendBatch).toBeLessThanOrEqual(LIMIT_BYTES);
  expect(trySend).toBeLessThanOrEqual(LIMIT_BYTES);
});
