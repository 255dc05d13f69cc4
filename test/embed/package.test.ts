// The package as its users get it: by name, in ESM and in CommonJS, with the addon and without, and its types.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'rolldown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileSources, root } from '../workers/compiled.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringlog-package-'));
beforeAll(() => compileSources());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const BODY = `
  const log = await open({ dir: process.argv.at(-1), shards: 1, topics: { t: 1 } });
  const { durability } = await log.producer({ value: codec.json() }).send('t', { value: { a: 1 } });
  const { records } = await log.consumer({ topics: ['t'], value: codec.json() }).next();
  console.log(log.engine.kind, durability, JSON.stringify(records[0].value));
  await log.close();
`;
const FORMS = {
  esm: ['--input-type=module', '-e', `import { open, codec } from 'ringlog';${BODY}`],
  cjs: ['--input-type=commonjs', '-e', `const { open, codec } = require('ringlog');(async () => {${BODY}})();`],
} as const;

describe.each(['esm', 'cjs'] as const)('%s', (form) => {
  test.each([
    ['', ''],
    ['off', 'portable'],
  ])('RINGLOG_NATIVE=%s', (native, kind) => {
    // By its own name: the working directory is the package's.
    const ran = spawnSync(process.execPath, [...FORMS[form], join(folder, `${form}${native}`)], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, RINGLOG_NATIVE: native },
    });
    expect(ran.stdout.trim(), ran.stderr).toMatch(new RegExp(`^${kind === '' ? '(native|portable)' : kind} disk \\{"a":1\\}$`));
  });
});

test('bundled into the one file of an application, native modules left out', async () => {
  const app = join(folder, 'app');
  mkdirSync(join(app, 'node_modules'), { recursive: true });
  symlinkSync(root, join(app, 'node_modules/ringlog'));
  writeFileSync(join(app, 'app.mjs'), `import { open, codec } from 'ringlog';${BODY}`);
  const output = { file: join(app, 'out.mjs'), format: 'esm', codeSplitting: false } as const;
  await build({ cwd: app, input: 'app.mjs', platform: 'node', external: [/\.node$/], output, logLevel: 'silent' });
  const run = () => spawnSync(process.execPath, ['out.mjs', join(folder, 'bundled')], { cwd: app, encoding: 'utf8' });
  const ran = run();
  expect(ran.stdout.trim(), ran.stderr).toMatch(/ disk \{"a":1\}$/);
  rmSync(join(app, 'node_modules/ringlog'));
  expect(run().stderr).toMatch(/leave it out of the bundle/);
});

test('the types say what goes where', () => {
  const source = `
    import { open, codec, type Consumer, type SendResult } from 'ringlog';
    import { startTestBroker, type TestBroker } from 'ringlog/testing';
    const log = await open({ dir: 'x', topics: { t: 1, u: { partitions: 2, configs: { 'retention.ms': 5 } } } });
    const result: SendResult = await log.producer({ value: codec.json<{ a: number }>() }).send('t', { value: { a: 1 } });
    const consumer: Consumer<string, { a: number }> = log.consumer({ topics: ['t'], key: codec.string, value: codec.json<{ a: number }>() });
    for await (const { value, key } of consumer.records()) { const a: number | undefined = value?.a; const k: string | null = key; void a; void k; }
    const plain: Consumer = log.consumer({ topics: ['t'], group: 'g' });
    for (const { key, value } of (await plain.next()).records) { const text: string | undefined = key?.toString('utf8') ?? value?.toString(); void text; }
    const broker: TestBroker = await startTestBroker({ topics: { t: 2 }, clock: 'manual' });
    await broker.producer({ lingerMs: 5 }).send('t', { value: 'x' });
    const stored: string | undefined = (await broker.records('t'))[0]?.value?.toString();
    broker.faults.add({ api: 'Produce', topic: 't', error: 'NOT_LEADER_OR_FOLLOWER' });
    // @ts-expect-error there is no such error
    broker.faults.add({ api: 'Produce', error: 'NOT_LEADER' });
    void stored;
    const { signal } = new AbortController();
    await log.producer().flush({ signal });
    for await (const batch of consumer.batches({ signal })) await batch.commit({ signal });
    for await (const record of consumer.records({ signal })) void record;
    await consumer.next({ signal });
    await consumer.commit({ signal });
    await consumer.lag({ signal });
    await consumer.seek({ topic: 't', partition: 0 }, 'latest', { signal });
    await log.admin.createTopic('v', { partitions: 2 }, { signal });
    await log.admin.groupOffsets('g', { signal });
    // @ts-expect-error the controller is no signal
    await log.admin.listGroups({ signal: new AbortController() });
    // @ts-expect-error a number is no value of this producer
    await log.producer({ value: codec.string }).send('t', { value: 5 });
    // @ts-expect-error there is no such level
    log.producer({ acks: 2 });
    // @ts-expect-error a directory is needed
    await open({});
    await log[Symbol.asyncDispose]();
    void result;
  `;
  const file = join(root, 'dist', `types-${process.pid}.mts`);
  writeFileSync(file, source);
  try {
    const flags = [
      '--noEmit',
      '--strict',
      '--target',
      'es2022',
      '--lib',
      'es2024,esnext.disposable',
      '--module',
      'nodenext',
      '--types',
      'node',
      '--skipLibCheck',
    ];
    const checked = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '--ignoreConfig', ...flags, file], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(checked.stdout + checked.stderr).toBe('');
  } finally {
    rmSync(file);
  }
});
