// A managed arena that is full is back-pressure on sockets, never growth, and never a shard that stands still: with the writes
// of a managed log held back (disk-shim.c), producers send more than the arena holds. What it cannot take waits in line, in the
// kernel's queues and with the clients; when the disk goes on all is acked.

import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { apiVersionsApi } from '../../../src/net/kafka/schema/generated/api-versions.ts';
import { listOffsetsApi } from '../../../src/net/kafka/schema/generated/list-offsets.ts';
import { produceApi } from '../../../src/net/kafka/schema/generated/produce.ts';
import { DEADLINE_MS, eventually, produce, type RawClient, textBatch } from '../../support/broker.ts';
import { compileSources } from '../compiled.ts';
import { type ArenaReading, batchOf, Flood, PressureRig, produceFrame, writeEngines } from './pressure-rig.ts';

const MIB = 1024 * 1024;
/** The least there is. */
const ARENA_BYTES = 16 * MIB;
/** Of V8, code and stacks beside the budget. */
const SLACK_BYTES = 64 * MIB;
const VALUE_BYTES = 700 * 1024;
const PRODUCE_VERSION = 9;
const MESSAGE_TOO_LARGE = 10;
const engines = writeEngines();

let rig: PressureRig;
let residentBefore = 0;

beforeAll(() => compileSources(), 120_000);
afterEach(() => rig.stop());

/** A broker with the topics, one record in each partition, and the disk held. */
async function held(
  engine: (typeof engines)[number],
  { budget, requestMax, ...more }: { budget: number; requestMax: number; shards: string; listeners: string },
): Promise<RawClient> {
  rig = await PressureRig.start(engine, {
    'ringlog.shards': more.shards,
    'ringlog.listeners': more.listeners,
    'ringlog.memory.bytes': String(budget),
    'socket.request.max.bytes': String(requestMax),
    'socket.receive.buffer.bytes': '65536',
  });
  const client = await rig.client();
  const partitions = more.shards === '1' ? 1 : 2;
  await rig.createTopics(client, requestMax, partitions);
  expect((await produce(client, 'm', textBatch(['first']), { acks: -1 })).errorCode).toBe(0);
  for (let p = 0; p < partitions; p++) expect((await produce(client, 'p', textBatch(['first']), { partition: p })).errorCode).toBe(0);
  residentBefore = rig.residentBytes();
  rig.hold();
  return client;
}

const grownBytes = (): number => rig.residentBytes() - residentBefore;
const isFull = ({ unwritten, size }: ArenaReading): boolean => unwritten * 4 > size * 3;
/** All that was appended is on the disk, and no shard has stood still for it. */
const allWritten = (shards: readonly ArenaReading[]): boolean => shards.every(({ unwritten }) => unwritten === 0);

async function acksAll(floods: readonly Flood[], first: number): Promise<void> {
  const count = floods.reduce((sum, flood) => sum + flood.count, 0);
  await eventually(
    () => floods.reduce((sum, flood) => sum + flood.look(), 0) === count || undefined,
    () => `${floods.reduce((sum, flood) => sum + flood.look(), 0)} of ${count} requests are acked, ${rig.lost} connections were closed`,
  );
  const offsets = floods.flatMap((flood) => flood.offsets).toSorted((a, b) => a - b);
  expect(offsets).toEqual(Array.from({ length: count }, (_, i) => first + i));
  for (const flood of floods) expect(flood.offsets).toEqual(flood.offsets.toSorted((a, b) => a - b));
}

describe.skipIf(engines.length === 0).each(engines)('managed writes by %s', (engine) => {
  test(
    'an arena full of bytes that wait for the disk stops the sockets, and does not grow',
    async () => {
      const producers = 6;
      const requests = 12;
      const client = await held(engine, { budget: 32 * MIB, requestMax: MIB, shards: '1', listeners: 'per-shard' });
      const frame = produceFrame('m', batchOf(VALUE_BYTES));
      const floods: Flood[] = [];
      for (let i = 0; i < producers; i++) floods.push(new Flood(await rig.client(), frame, requests));
      const acked = (): number => floods.reduce((sum, flood) => sum + flood.look(), 0);

      const [full] = await rig.arenas(
        (shards) => isFull(shards[0]!),
        () => `the arena was not filled; ${acked()} requests are acked`,
      );
      expect(full!.size).toBe(ARENA_BYTES);
      // A request for another topic, behind all that.
      const other = client.request(produceApi, PRODUCE_VERSION, {
        acks: 1,
        timeoutMs: 30_000,
        topicData: [{ name: 'p', partitionData: [{ index: 0, records: textBatch(['second']) }] }],
      });
      // The shard goes round and says so, and reads nothing.
      const [later] = await rig.arenas(
        (shards) => shards[0]!.stops >= full!.stops + 3,
        () => 'the shard stands still',
      );
      expect(later!.unwritten).toBeLessThanOrEqual(ARENA_BYTES);
      expect(acked() * VALUE_BYTES).toBeLessThanOrEqual(ARENA_BYTES);
      expect(acked() * VALUE_BYTES).toBeGreaterThan(ARENA_BYTES / 2);
      expect(client.bytesHeld).toBe(0);
      expect(rig.unreadBytes()).toBeGreaterThan(producers * 1024);
      expect(floods.reduce((sum, { sent }) => sum + sent, 0)).toBeLessThan(producers * requests);
      expect(grownBytes()).toBeLessThan(32 * MIB + SLACK_BYTES);

      rig.release();
      await acksAll(floods, 1);
      expect((await client.answer(produceApi, PRODUCE_VERSION, other)).responses[0]!.partitionResponses[0]!.errorCode).toBe(0);
      expect([await rig.endOffset(client, 'm'), await rig.endOffset(client, 'p')]).toEqual([producers * requests + 1, 2]);
      const [done] = await rig.arenas(allWritten, () => 'bytes are left unwritten');
      expect(done!.waits).toBe(0);
      expect(grownBytes()).toBeLessThan(32 * MIB + SLACK_BYTES);
      await rig.endsCleanly();
    },
    DEADLINE_MS * 4,
  );

  test(
    'a batch larger than what is left of the arena waits for room, and nobody waits for it',
    async () => {
      const client = await held(engine, { budget: 80 * MIB, requestMax: 20 * MIB, shards: '1', listeners: 'per-shard' });
      // Not three quarters: sockets are read.
      for (let i = 0; i < 11; i++) expect((await produce(client, 'm', batchOf(MIB), { acks: 1 })).baseOffset).toBe(1 + i);
      const behind = await rig.client();
      await behind.send(produceFrame('m', batchOf(7 * MIB)));
      // Of another partition, on the same connection: appended, and answered in its turn.
      await behind.send(produceFrame('p', textBatch(['second'])));
      await eventually(
        async () => (await rig.endOffset(client, 'p')) === 2 || undefined,
        () => 'the shard has not come to the second request',
      );
      expect(await rig.endOffset(client, 'm')).toBe(12);
      expect(behind.bytesHeld).toBe(0);
      // In line behind the large one, though there would be room.
      const small = await rig.client();
      await small.send(produceFrame('m', textBatch(['small'])));
      expect((await produce(client, 'p', textBatch(['third']), { acks: 1 })).baseOffset).toBe(2);

      rig.release();
      for (const [one, offsets] of [
        [behind, [12, 1]],
        [small, [13]],
      ] as const) {
        const flood = new Flood(one, Buffer.alloc(0), 0);
        await eventually(
          () => flood.look() === offsets.length || undefined,
          () => `${flood.look()} of ${offsets.length} are acked`,
        );
        expect(flood.offsets).toEqual(offsets);
      }
      // What would never find room is refused.
      expect((await produce(client, 'm', batchOf(15 * MIB), { acks: 1 })).errorCode).toBe(MESSAGE_TOO_LARGE);
      const [done] = await rig.arenas(allWritten, () => 'bytes are left unwritten');
      expect(done!.waits).toBe(0);
      await rig.endsCleanly();
    },
    DEADLINE_MS * 4,
  );
});

/** Clients whose shard reads while the other one does not. */
async function readers(count: number): Promise<RawClient[]> {
  const asked = rig.clients.map((client) => ({ client, id: client.request(apiVersionsApi, 3, {}) }));
  const found = await eventually(
    () => {
      const answered = asked.filter(({ client }) => client.bytesHeld > 0);
      return answered.length >= count ? answered.slice(0, count) : undefined;
    },
    () => `the shard that has room does not read`,
  );
  for (const { client, id } of found) await client.answer(apiVersionsApi, 3, id);
  return found.map(({ client }) => client);
}

test.skipIf(engines.length === 0)(
  'what a shard passes on to one whose arena is full waits there: the one goes on, the other stops its sockets when it has too much of it',
  async () => {
    const budget = 96 * MIB;
    const client = await held('threads', { budget, requestMax: 16 * MIB, shards: '2', listeners: 'single' });
    const batch = batchOf(VALUE_BYTES);
    for (let i = 0; i < 18; i++) expect((await produce(client, 'm', batch, { acks: 1 })).baseOffset).toBe(1 + i);
    const before = await rig.arenas(
      (shards) => shards.some(isFull),
      () => 'the arena was not filled',
    );
    const owner = before.findIndex(isFull);
    for (let i = 0; i < 40; i++) await rig.client();
    const [one, two, three] = (await readers(3)) as [RawClient, RawClient, RawClient];

    // More than the rest of the arena, and behind it a record for each partition of the other topic: one is the full shard's.
    const frame = produceFrame('m', batch);
    const floods = [new Flood(one, frame, 8)];
    for (const p of [0, 1]) await two.send(produceFrame('p', textBatch(['second']), p));
    for (const p of [0, 1]) await one.send(produceFrame('p', textBatch(['third']), p));
    const ends = async (): Promise<number[]> => {
      const partitions = [0, 1].map((partitionIndex) => ({ partitionIndex, timestamp: -1 }));
      const { topics } = await three.call(listOffsetsApi, 7, { replicaId: -1, topics: [{ name: 'p', partitions }] });
      return topics[0]!.partitions.map(({ offset }) => offset);
    };
    await eventually(
      async () => (await ends()).every((end) => end === 3) || undefined,
      () => 'the full shard does nothing else any more',
    );
    expect(floods[0]!.look()).toBe(0);
    expect(await rig.endOffset(three, 'm')).toBe(19);

    floods.push(new Flood(two, frame, 40));
    const stopped = await rig.arenas(
      (shards) => shards[1 - owner]!.stops >= before[1 - owner]!.stops + 3,
      () => 'the shard reads on',
    );
    expect(stopped[owner]!.unwritten).toBeLessThanOrEqual(ARENA_BYTES);
    expect(floods[1]!.sent).toBeLessThan(40);
    // Three quarters full, the owner has not read a socket: those of its clients wait for the answer that readers() asked for.
    expect(rig.clients.filter((each) => each !== one && each !== two && each !== three && each.bytesHeld === 0)).not.toEqual([]);
    expect(grownBytes()).toBeLessThan(budget + SLACK_BYTES);
    expect(rig.lost).toBe(0);

    rig.release();
    // Answers to the other topic come among them: counted apart.
    const of = (flood: Flood, skip: number): number[] => (flood.look(), flood.offsets.slice(skip));
    await eventually(
      () => (of(floods[0]!, 0).length === 10 && of(floods[1]!, 0).length === 42) || undefined,
      () => `${floods.map((flood) => flood.look()).join(' and ')} of 10 and 42 are acked, ${rig.lost} connections were closed`,
    );
    expect(floods[0]!.offsets.slice(8)).toEqual([2, 2]);
    expect(floods[1]!.offsets.slice(0, 2)).toEqual([1, 1]);
    const stored = [...floods[0]!.offsets.slice(0, 8), ...floods[1]!.offsets.slice(2)];
    expect(stored.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 48 }, (_, i) => 19 + i));
    const done = await rig.arenas(allWritten, () => 'bytes are left unwritten');
    expect(done.map(({ waits }) => waits)).toEqual([0, 0]);
    await rig.endsCleanly();
  },
  DEADLINE_MS * 4,
);
