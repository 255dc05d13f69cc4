// A run whose load is made by @platformatic/kafka, in a Node that is new enough for it, where `scripts/install-clients.mjs` has
// put both.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunResult } from '../../src/contracts/run-result.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const node = join(root, '.peers', 'platformatic', 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
const bench = [join(root, 'bin', 'ringlog.mjs'), 'bench', '-d', 'platformatic', '--as-found'];

test.skipIf(!existsSync(node))(
  'its records are all delivered, by groups of its own, and the result names it',
  () => {
    const dir = mkdtempSync(join(tmpdir(), 'platformatic-'));
    try {
      // Little enough for any machine.
      const quick = readFileSync(join(root, 'omb-harness', 'workloads', 'quick.yaml'), 'utf8');
      writeFileSync(join(dir, 'small.yaml'), quick.replace('producerRate: 5000', 'producerRate: 500'));
      const args = [...bench, 'small.yaml', '--results', dir, '--duration-seconds', '1', '--warmup-seconds', '0'];
      // Whether that client is fast enough here is the machine's affair.
      const { status, stderr } = spawnSync(node, args, { cwd: dir, encoding: 'utf8', timeout: 150_000 });
      expect([0, 2], stderr).toContain(status);
      const run = readdirSync(dir).find((name) => name.startsWith('small-platformatic-'))!;
      const result = JSON.parse(readFileSync(join(dir, run, 'result.json'), 'utf8')) as RunResult;
      expect(result.client).toMatch(/^@platformatic\/kafka \d+\.\d+\.\d+ on Node/);
      const { counters } = result.phases[result.measuredPhase!]!;
      expect(counters).toMatchObject({ due: 500, acked: 500, received: 500, errors: 0 });
      expect(result.delivery).toMatchObject({ lostRecords: 0, duplicatedRecords: 0, reorderedRecords: 0, corruptRecords: 0 });
      expect(result.producerSettings['linger.ms']).toBe('5');
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  },
  180_000,
);

test('where the library or a Node for it is missing, that is one line', () => {
  const dir = mkdtempSync(join(tmpdir(), 'platformatic-'));
  try {
    const old = Number(process.versions.node.split('.')[0]) < 22;
    if (!old && existsSync(node)) return;
    const args = [...bench, '--results', dir];
    expect(() => execFileSync(process.execPath, args, { cwd: dir, stdio: 'pipe', encoding: 'utf8' })).toThrow(
      /@platformatic\/kafka (is not installed: npm install|[\d.]+ needs Node)/,
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
