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
import { batchOf, Flood, PressureRig, produceFrame } from './pressure-rig.ts';
import { ServeProcess } from './serve-process.ts';

const KAFKA_STORAGE_ERROR = 56;
/** More than waits for more to be written with. */
const VALUE_BYTES = 100_000;
const MIB = 1024 * 1024;
const LARGE_BYTES = 700 * 1024;

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

async function resumes(rig: PressureRig, one: RawClient): Promise<void> {
  await eventually(
    async () => ((await produce(one, 'm', textBatch(['after']), { acks: -1 })).errorCode === 0 ? true : undefined),
    () => `service did not resume: ${rig.broker.err}`,
  );
}

/** On a disk that is held: what waits in line for room, and what waits behind it, is answered when the disk has none, though nobody else asks. */
async function refusesTheLine(rig: PressureRig, one: RawClient): Promise<void> {
  for (let i = 0; i < 11; i++) expect((await produce(one, 'm', batchOf(MIB), { acks: 1 })).errorCode).toBe(0);
  const end = await rig.endOffset(one, 'm');
  // More than what is left, now and for as long as what is there stays.
  const waiting = [produceFrame('m', batchOf(7 * MIB)), produceFrame('m', textBatch(['behind']))];
  const floods: Flood[] = [];
  for (const [i, frame] of waiting.entries()) {
    const client = await rig.client();
    const flood = new Flood(client, frame, 1);
    flood.refusal = KAFKA_STORAGE_ERROR;
    floods.push(flood);
    // When that one is there, the shard has come to the one before it.
    await client.send(produceFrame('p', textBatch(['after it'])));
    await eventually(
      async () => (await rig.endOffset(one, 'p')) === i + 1 || undefined,
      () => 'the shard has not come to it',
    );
  }
  expect(floods.map((flood) => flood.look())).toEqual([0, 0]);
  rig.fill();
  rig.release();
  await eventually(
    () => (
      floods.forEach((flood) => flood.look()),
      floods.every(({ refused, offsets }) => refused === 1 && offsets.length === 1) || undefined
    ),
    () => `${floods.map(({ refused }) => refused).join(' and ')} of what waits is answered`,
  );
  expect(await rig.endOffset(one, 'm')).toBe(end);
  rig.makeRoom();
  await resumes(rig, one);
}

// The disk was only slow until then, and the arena is full of what waits for it: sockets are not read, appends wait in line.
test.skipIf(!canFailDisks())(
  'blocks that are refused when the arena is full: who waits is answered, who asks is heard, and the rest of it serves on',
  async () => {
    const rig = await PressureRig.start('threads', {
      'ringlog.shards': '1',
      'ringlog.memory.bytes': String(80 * MIB),
      'socket.request.max.bytes': String(20 * MIB),
      'socket.receive.buffer.bytes': '65536',
    });
    try {
      const one = await rig.client();
      await rig.createTopics(one, 20 * MIB);
      expect((await produce(one, 'm', textBatch(['first']), { acks: -1 })).errorCode).toBe(0);
      rig.hold();
      await refusesTheLine(rig, one);

      const before = await rig.endOffset(one, 'm');
      rig.hold();
      const frame = produceFrame('m', batchOf(LARGE_BYTES));
      const floods: Flood[] = [];
      for (let i = 0; i < 4; i++) floods.push(new Flood(await rig.client(), frame, 12));
      const [full] = await rig.arenas(
        ([arena]) => arena!.unwritten * 4 > arena!.size * 3 && arena!.stops > 2,
        () => 'the arena was not filled',
      );
      const acked = (): number => floods.reduce((sum, flood) => sum + flood.look(), 0);
      expect(acked()).toBeLessThan(24);

      for (const flood of floods) flood.refusal = KAFKA_STORAGE_ERROR;
      rig.fill();
      rig.release();
      await eventually(
        () => (acked(), floods.every(({ offsets, refused, count }) => offsets.length + refused === count) || undefined),
        () => `${floods.map(({ offsets, refused }) => `${offsets.length} acked and ${refused} refused`).join(', ')} of 12 each`,
      );
      expect(floods.reduce((sum, { refused }) => sum + refused, 0)).toBeGreaterThan(20);
      const end = await rig.endOffset(one, 'm');
      expect(end).toBe(before + acked());
      const [still] = await rig.arenas(
        ([arena]) => arena!.size > 0,
        () => 'it does not say',
      );
      expect(still!.unwritten).toBeGreaterThanOrEqual(full!.unwritten);
      expect((await produce(one, 'm', textBatch(['refused']))).errorCode).toBe(KAFKA_STORAGE_ERROR);
      expect((await produce(one, 'p', textBatch(['page cache']), { acks: -1 })).errorCode).toBe(0);
      const { records } = await fetch(one, 'm', { offset: end - 1 });
      expect([...recordsIn(records!)].map(({ value }) => value!.length)).toEqual([LARGE_BYTES]);

      rig.makeRoom();
      await resumes(rig, one);
      expect(await rig.endOffset(one, 'm')).toBe(end + 1);
      const [done] = await rig.arenas(
        ([arena]) => arena!.unwritten === 0,
        () => 'bytes are left unwritten',
      );
      expect(done!.waits).toBe(0);
      expect(rig.broker.err).not.toContain('is offline');
      await rig.endsCleanly();
    } finally {
      await rig.stop();
    }
  },
  DEADLINE_MS * 4,
);
