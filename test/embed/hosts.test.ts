// Hosts that are not a plain Node on a plain Linux: no io_uring, and a runtime that takes no memory of an addon (Electron).

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadNativeBinding } from '../../src/engine/io/native-binding.ts';
import { compileSources, root } from '../workers/compiled.ts';

const hasAddon = loadNativeBinding().binding !== null;
const folder = mkdtempSync(join(tmpdir(), 'ringlog-hosts-'));
const refuser = join(folder, 'without-io-uring');
beforeAll(() => compileSources());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Both storages, through the log and back; then what moved the bytes. */
const BODY = `
  import { open } from 'ringlog';
  const managed = { partitions: 1, configs: { 'ringlog.storage': 'managed' } };
  const log = await open({ dir: process.argv.at(-1), shards: Number(process.argv.at(-2)), topics: { cached: 1, managed } });
  const producer = log.producer();
  for (const topic of ['cached', 'managed']) {
    const { durability } = await producer.send(topic, { value: topic });
    const { records } = await log.consumer({ topics: [topic] }).next();
    console.log(durability, Buffer.from(records[0].value).toString());
  }
  console.log(JSON.stringify(log.engine));
  await log.close();
`;
const STORED = ['disk cached', 'disk managed'];

interface Engine {
  readonly kind: string;
  readonly rows: readonly { readonly engine: string; readonly reason: string }[];
}

function runs(shards: number, command: readonly string[], nodeOptions = ''): { readonly stored: string[]; readonly engine: Engine } {
  const args = [...command.slice(1), '--input-type=module', '-e', BODY, String(shards), mkdtempSync(join(folder, 'log-'))];
  const ran = spawnSync(command[0]!, args, { cwd: root, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: nodeOptions } });
  expect(ran.status, ran.stderr).toBe(0);
  const lines = ran.stdout.trim().split('\n');
  return { stored: lines.slice(0, -1), engine: JSON.parse(lines.at(-1)!) as Engine };
}

describe.skipIf(!hasAddon).each([0, 1])('shards: %i', (shards) => {
  test('io_uring is refused: threads do its work', () => {
    const source = fileURLToPath(new URL('without-io-uring.c', import.meta.url));
    const compiled = spawnSync('cc', ['-o', refuser, source], { encoding: 'utf8' });
    expect(compiled.status, compiled.stderr).toBe(0);
    const { stored, engine } = runs(shards, [refuser, process.execPath]);
    expect(stored).toEqual(STORED);
    expect(engine.kind).toBe('native');
    expect(engine.rows.map((row) => row.engine)).not.toContain('io_uring');
    expect(engine.rows.map((row) => row.reason).join()).toMatch(/seccomp/);
  });

  test('the runtime takes no memory of an addon: the portable path does it, and says why', () => {
    const shim = fileURLToPath(new URL('like-electron.cjs', import.meta.url));
    const { stored, engine } = runs(shards, [process.execPath], `--require=${shim}`);
    expect(stored).toEqual(STORED);
    expect(engine.kind).toBe('portable');
    expect(engine.rows.map((row) => row.reason).join()).toMatch(/refuses external ArrayBuffers/);
  });
});
