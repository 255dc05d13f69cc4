// How `ringlog serve` ends when something goes wrong on its main thread: never without a reason in the log.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { DEADLINE_MS, eventually } from '../../support/broker.ts';
import { compileSources } from '../compiled.ts';
import { ServeProcess } from './serve-process.ts';

const EXIT_SOFTWARE = 70;
const THROWS = `--import=${new URL('throw-in-main.mjs', import.meta.url).href}`;

let dir: string;

beforeAll(() => compileSources(), 120_000);
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ringlog-exit-'));
});
afterEach(() => {
  delete process.env.RINGLOG_TEST_END;
  rmSync(dir, { recursive: true, force: true });
});

function serve(nodeOptions = ''): ServeProcess {
  return new ServeProcess({ listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': dir, 'ringlog.shards': '1' }, nodeOptions);
}

test.each([
  ['throw', 'an exception was not handled'],
  ['reject', 'a rejection was not handled'],
])(
  '%s during a stop',
  async (how, words) => {
    process.env.RINGLOG_TEST_END = how;
    const one = serve(THROWS);
    await one.port();
    one.child.kill('SIGTERM');
    expect(await one.ended()).toBe(EXIT_SOFTWARE);
    expect(one.err).toContain(`the broker stops, ${words}: Error: thrown by the test, in the main thread`);
  },
  DEADLINE_MS * 2,
);

test(
  'nobody reads the banner: it runs, and stops cleanly',
  async () => {
    const one = serve();
    one.child.stdout!.destroy();
    // Held from before the start until after the stop; signals are listened to by then.
    await eventually(
      () => existsSync(join(dir, '.lock')) || undefined,
      () => `never started: ${one.err}`,
    );
    one.child.kill('SIGTERM');
    expect(await one.ended()).toBe(0);
    expect(one.err).toContain('stopped');
  },
  DEADLINE_MS * 2,
);
