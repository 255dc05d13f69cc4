// A disk that has no room for blocks it has promised (copy on write, thin provisioning), under a managed log: new appends are
// answered KAFKA_STORAGE_ERROR, reads go on, what was acked is written when there is room, and service resumes. The
// refusals are disk-shim.c's, of the writes alone: reserving works.

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { recordsIn } from '../../../src/engine/record/log-records.ts';
import { createTopicsApi } from '../../../src/net/kafka/schema/generated/create-topics.ts';
import { DEADLINE_MS, eventually, fetch, produce, RawClient, textBatch } from '../../support/broker.ts';
import { compileSources } from '../compiled.ts';
import { canFailDisks, loadDiskShim } from './disk-shim.ts';
import { ServeProcess } from './serve-process.ts';

const KAFKA_STORAGE_ERROR = 56;
/** More than waits for more to be written with. */
const VALUE_BYTES = 100_000;

let dir: string;
let broker: ServeProcess | undefined;
let client: RawClient | undefined;

beforeAll(() => compileSources(), 120_000);
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ringlog-promised-'));
});
afterEach(async () => {
  client?.destroy();
  if (broker !== undefined && broker.code === undefined) {
    broker.child.kill('SIGKILL');
    await broker.ended();
  }
  rmSync(dir, { recursive: true, force: true });
});

async function serve(env: Readonly<Record<string, string>>): Promise<RawClient> {
  const data = join(dir, 'data');
  broker = new ServeProcess({ listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': data, 'ringlog.shards': '1' }, '', env);
  client = await RawClient.open(await broker.port());
  return client;
}

async function stop(): Promise<void> {
  client!.destroy();
  broker!.child.kill('SIGTERM');
  expect(await broker!.ended(), broker!.err).toBe(0);
}

const text = (i: number): string => `${i}`.padEnd(VALUE_BYTES, '.');

async function textsFrom(from: RawClient, end: number): Promise<string[]> {
  const found: string[] = [];
  while (found.length < end) {
    const { records } = await fetch(from, 'm', { offset: found.length });
    for (const { value } of recordsIn(records!)) found.push(Buffer.from(value!).toString().replace(/\.+$/, ''));
  }
  return found;
}

test.skipIf(!canFailDisks())(
  'blocks that were promised and are refused',
  async () => {
    const { buildDiskShim, withFault } = await loadDiskShim();
    mkdirSync(join(dir, 'data'));
    const [when, log] = [join(dir, 'full'), join(dir, 'struck')];
    const { ENOSPC } = constants.errno;
    const fault = { dir: join(dir, 'data/m-0'), kind: 'write', ns: [1], stays: true, errno: ENOSPC, when, log };
    let one = await serve(withFault(buildDiskShim(dir)!, fault));
    const topic = { name: 'm', numPartitions: 1, replicationFactor: 1, assignments: [] };
    await one.call(createTopicsApi, 7, { topics: [{ ...topic, configs: [{ name: 'ringlog.storage', value: 'managed' }] }] });
    let acked = 0;
    const produceOne = async (acks: number): Promise<number> => {
      const { errorCode, baseOffset } = await produce(one, 'm', textBatch([text(acked)]), { acks });
      if (errorCode === 0) expect(baseOffset).toBe(acked++);
      return errorCode;
    };
    for (let i = 0; i < 3; i++) expect(await produceOne(-1)).toBe(0);

    writeFileSync(when, '');
    // Into memory, until a write of it has come back.
    const refused = await eventually(
      async () => {
        const errorCode = await produceOne(1);
        return errorCode === 0 ? undefined : errorCode;
      },
      () => `${acked} appends were acked, none refused; struck: ${existsSync(log)}`,
    );
    expect(refused).toBe(KAFKA_STORAGE_ERROR);
    expect(acked).toBeGreaterThan(3);
    expect(await textsFrom(one, acked)).toEqual(Array.from({ length: acked }, (_, i) => `${i}`));
    // It was tried again meanwhile, and is full still.
    expect(await produceOne(1)).toBe(KAFKA_STORAGE_ERROR);

    rmSync(when);
    await eventually(
      async () => ((await produceOne(-1)) === 0 ? true : undefined),
      () => `service did not resume: ${broker!.err}`,
    );
    expect(await produceOne(1)).toBe(0);
    expect(broker!.err).not.toContain('is offline');
    await stop();
    one = await serve({});
    expect(await textsFrom(one, acked)).toEqual(Array.from({ length: acked }, (_, i) => `${i}`));
    await stop();
  },
  DEADLINE_MS * 4,
);
