// A start that is refused: said in one line, and a new directory is left as empty as it was.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { reactorKinds, startTestBroker } from '../../support/broker.ts';
import { compileSources } from '../compiled.ts';
import { ServeProcess } from './serve-process.ts';

let dir: string;
let taken: Server;
let port: number;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ringlog-refused-'));
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  port = (taken.address() as { port: number }).port;
});
afterEach(async () => {
  await new Promise((resolve) => taken.close(resolve));
  rmSync(dir, { recursive: true, force: true });
});

describe.each(reactorKinds())('on the %s reactor', (reactor) => {
  test('a port in use', async () => {
    const config = { listeners: `PLAINTEXT://127.0.0.1:${port}` };
    await expect(startTestBroker({ kind: reactor, dir, config })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(readdirSync(dir)).toEqual([]);
  });

  test("an address that is not this machine's", async () => {
    const config = { listeners: 'PLAINTEXT://192.0.2.1:0', 'ringlog.insecure': 'true' };
    await expect(startTestBroker({ kind: reactor, dir, config })).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
    expect(readdirSync(dir)).toEqual([]);
  });

  test('the same folder starts when the port is free', async () => {
    const config = { listeners: `PLAINTEXT://127.0.0.1:${port}` };
    await expect(startTestBroker({ kind: reactor, dir, config })).rejects.toThrow();
    await new Promise((resolve) => taken.close(resolve));
    const broker = await startTestBroker({ kind: reactor, dir, config });
    expect(broker.port).toBe(port);
    await broker.stop();
  });
});

describe('ringlog serve', () => {
  beforeAll(() => compileSources());

  async function refused(configs: Readonly<Record<string, string>>): Promise<string> {
    const one = new ServeProcess({ 'log.dirs': dir, listeners: 'PLAINTEXT://127.0.0.1:0', 'ringlog.shards': '2', ...configs });
    expect(await one.ended()).toBe(1);
    expect(one.out).toBe('');
    expect(one.err).not.toContain('    at ');
    return one.err;
  }

  test.each(['per-shard', 'single'])('a port in use, %s', async (mode) => {
    const err = await refused({ listeners: `PLAINTEXT://127.0.0.1:${port}`, 'ringlog.listeners': mode });
    expect(err).toContain('another process listens there');
    expect(readdirSync(dir)).toEqual([]);
  });

  test('a config that cannot be', async () => {
    expect(await refused({ 'num.partitions': 'many' })).toContain('num.partitions');
    expect(readdirSync(dir)).toEqual([]);
  });

  test('metadata that is not whole', async () => {
    const broker = await startTestBroker({ dir });
    await broker.createTopic('t');
    await broker.halt();
    const folder = join(dir, 'ringlog-metadata');
    for (const path of readdirSync(folder).map((name) => join(folder, name))) {
      const bytes = readFileSync(path);
      bytes[20]! ^= 1;
      writeFileSync(path, bytes);
    }
    expect(await refused({})).toContain('is damaged');
  });

  test.runIf(process.platform === 'linux')('a directory that cannot be made', async () => {
    expect(await refused({ 'log.dirs': '/proc/nope/data' })).toMatch(/mkdir '\/proc\/nope'.*log\.dirs must name/);
    writeFileSync(join(dir, 'file'), '');
    expect(await refused({ 'log.dirs': join(dir, 'file', 'data') })).toContain('log.dirs must name directories');
  });
});
