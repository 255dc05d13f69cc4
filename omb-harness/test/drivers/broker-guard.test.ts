// A harness that is killed leaves neither its broker nor its broker's data; one that ends as it should leaves that to itself.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BrokerGuard } from '../../src/drivers/broker-guard.ts';

const DEADLINE_MS = 120_000;
const POLL_MS = 20;
const linux = process.platform === 'linux';
let dir: string;
let broker: ChildProcess;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'guard-'));
  // In place of a broker: it goes on, and its command line names the folder.
  broker = spawn('sleep', ['1000'], { argv0: `sleep ${dir}`, stdio: 'ignore' });
});
afterEach(() => {
  broker.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

const shellOf = (guard: BrokerGuard): ChildProcess => (guard as unknown as { shell: ChildProcess }).shell;

test.skipIf(!linux)('killed: the broker is ended and its folder removed', { timeout: 2 * DEADLINE_MS }, async () => {
  const guard = new BrokerGuard(broker.pid!, dir);
  const ended = once(broker, 'exit');
  // As the kernel does for a process that is gone.
  shellOf(guard).stdin!.destroy();
  expect((await ended)[1]).toBe('SIGKILL');
  for (const deadline = Date.now() + DEADLINE_MS; existsSync(dir) && Date.now() < deadline;) await wait(POLL_MS);
  expect(existsSync(dir)).toBe(false);
});

test.skipIf(!linux)('released, or at a process that is another by now: nothing is touched', { timeout: 2 * DEADLINE_MS }, async () => {
  const guard = new BrokerGuard(broker.pid!, dir);
  guard.release();
  await once(shellOf(guard), 'exit');
  const other = new BrokerGuard(broker.pid!, `${dir}-other`);
  shellOf(other).stdin!.destroy();
  await once(shellOf(other), 'exit');
  expect([broker.exitCode, broker.signalCode, existsSync(dir)]).toEqual([null, null, true]);
});
