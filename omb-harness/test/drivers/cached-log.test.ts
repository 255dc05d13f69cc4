// What is looked at is the folder's own files, those in folders below it too, and no other's.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CachedBytes } from '../../src/contracts/driver.ts';
import { CachedLog } from '../../src/drivers/cached-log.ts';
import { cacheMeter } from '../../src/drivers/native-worker.ts';

const DEADLINE_MS = 120_000;
const POLL_MS = 20;
const PAGE = 4096;
let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'cached-'))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function seen(log: CachedLog, is: (now: CachedBytes | null) => boolean): Promise<CachedBytes | null> {
  for (const deadline = Date.now() + DEADLINE_MS; !is(log.now) && Date.now() < deadline;) await wait(POLL_MS);
  return log.now;
}

test('the page cache of a folder grows and shrinks with its files', { timeout: 2 * DEADLINE_MS }, async ({ skip }) => {
  const program = cacheMeter(() => undefined);
  if (!program.ok) return skip();
  const own = join(dir, 'own');
  mkdirSync(join(own, 'topic-0'), { recursive: true });
  writeFileSync(join(dir, 'another'), Buffer.alloc(64 * PAGE));
  const log = new CachedLog(own, program);
  expect(await seen(log, (now) => now !== null)).toMatchObject({ residentBytes: 0 });
  writeFileSync(join(own, 'topic-0', '0.log'), Buffer.alloc(10 * PAGE + 1));
  expect(await seen(log, (now) => now!.residentBytes > 0)).toMatchObject({ residentBytes: 11 * PAGE });
  expect(log.now!.dirtyBytes ?? 0).toBeLessThanOrEqual(11 * PAGE);
  rmSync(join(own, 'topic-0'), { recursive: true });
  expect(await seen(log, (now) => now!.residentBytes === 0)).toMatchObject({ residentBytes: 0 });
  log.stop();
  expect(await seen(log, (now) => now === null)).toBeNull();
});

test('where nobody can look nothing is claimed', () => {
  expect(new CachedLog(dir, { ok: false, why: 'no compiler' }).now).toBeNull();
});
