// A managed arena that is full is back-pressure on sockets, never growth: with the writes of a managed log held back
// (disk-shim.c), producers send more than the arena holds. What it cannot take stays in the kernel's queues and with the
// clients, the shard goes on, and when the disk does all is acked. Requests for other topics of the shard wait meanwhile.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { loadNativeBinding } from '../../../src/engine/io/native-binding.ts';
import { createTopicsApi } from '../../../src/net/kafka/schema/generated/create-topics.ts';
import { listOffsetsApi } from '../../../src/net/kafka/schema/generated/list-offsets.ts';
import { produceApi } from '../../../src/net/kafka/schema/generated/produce.ts';
import { DEADLINE_MS, decodeAnswer, eventually, produce, RawClient, requestFrame, textBatch } from '../../support/broker.ts';
import { compileSources } from '../compiled.ts';
import { ServeProcess } from './serve-process.ts';

const SHIM = new URL('../../crash/disk-shim.mjs', import.meta.url).href;
const MIB = 1024 * 1024;
/** One shard's least: 16 MiB for frames, 16 MiB for managed logs. */
const BUDGET_BYTES = 32 * MIB;
const ARENA_BYTES = 16 * MIB;
/** Of V8, code and stacks beside the budget. */
const SLACK_BYTES = 64 * MIB;
// Large: what arrived of many of them in earlier rounds becomes whole in one.
const VALUE_BYTES = 700 * 1024;
// So few that a part of a frame of each leaves memory for the others.
const PRODUCERS = 6;
const REQUESTS = 24;
const PRODUCE_VERSION = 9;

interface DiskShim {
  buildDiskShim(dir: string): string | undefined;
  withHeldWrites(library: string, options: { dir: string; hold: string }): Readonly<Record<string, string>>;
}

function hasCompiler(): boolean {
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

let dir: string;
let broker: ServeProcess | undefined;
const clients: RawClient[] = [];

beforeAll(() => compileSources(), 120_000);
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ringlog-pressure-'));
});
afterEach(async () => {
  rmSync(join(dir, 'hold'), { force: true });
  for (const client of clients.splice(0)) client.destroy();
  if (broker !== undefined && broker.code === undefined) {
    broker.child.kill('SIGKILL');
    await broker.ended();
  }
  rmSync(dir, { recursive: true, force: true });
});

async function serve(): Promise<number> {
  const { buildDiskShim, withHeldWrites } = (await import(SHIM)) as DiskShim;
  const data = join(dir, 'data');
  mkdirSync(data);
  broker = new ServeProcess(
    {
      listeners: 'PLAINTEXT://127.0.0.1:0',
      'log.dirs': data,
      'ringlog.shards': '1',
      'ringlog.memory.bytes': String(BUDGET_BYTES),
      'socket.request.max.bytes': String(MIB),
      'socket.receive.buffer.bytes': '65536',
      'ringlog.http.listener': '127.0.0.1:0',
    },
    '',
    withHeldWrites(buildDiskShim(dir)!, { dir: join(data, 'm-0'), hold: join(dir, 'hold') }),
  );
  return broker.port();
}

async function connected(port: number): Promise<RawClient> {
  const client = await RawClient.open(port);
  clients.push(client);
  return client;
}

async function createTopics(client: RawClient): Promise<void> {
  const one = { numPartitions: 1, replicationFactor: 1, assignments: [] };
  const managed = [{ name: 'ringlog.storage', value: 'managed' }];
  const topics = [
    { name: 'm', ...one, configs: managed },
    { name: 'p', ...one, configs: [] },
  ];
  const answer = await client.call(createTopicsApi, 7, { topics });
  expect(answer.topics.map(({ errorCode }) => errorCode)).toEqual([0, 0]);
}

async function endOffset(client: RawClient, topic: string): Promise<number> {
  const topics = [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1 }] }];
  return (await client.call(listOffsetsApi, 7, { replicaId: -1, topics })).topics[0]!.partitions[0]!.offset;
}

/** Undefined while the banner is not whole, or the shard writes its statement. */
async function arena(): Promise<{ unwritten: number; size: number; stops: number } | undefined> {
  const url = /http\s+(http:\S+)/.exec(broker!.out)?.[1];
  if (url === undefined) return undefined;
  const text = await (await fetch(`${url}metrics`)).text();
  const [unwritten, size, stops] = ['unwritten_bytes', 'bytes', 'stops_total'].map((name) =>
    Number(new RegExp(`^ringlog_managed_arena_${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(text)?.[1]),
  );
  return Number.isNaN(unwritten! + size! + stops!) ? undefined : { unwritten: unwritten!, size: size!, stops: stops! };
}

function residentBytes(): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${broker!.child.pid}/status`, 'utf8'))![1]) * 1024;
}

/** What the kernel holds of connections to `port` that the broker has not read. */
function unreadBytes(port: number): number {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[1] === local && columns[3] === '01')
    .reduce((sum, columns) => sum + Number.parseInt(columns[4]!.split(':')[1]!, 16), 0);
}

/** A producer that sends all it has, whatever is acked. */
class Flood {
  sent = 0;
  readonly offsets: number[] = [];
  private readonly client: RawClient;

  constructor(client: RawClient, frame: Buffer) {
    this.client = client;
    for (let i = 0; i < REQUESTS; i++) void client.send(frame).then(() => this.sent++);
  }

  look(): number {
    for (let frame = this.client.takeFrame(); frame !== null; frame = this.client.takeFrame()) {
      const { errorCode, baseOffset } = decodeAnswer(produceApi, PRODUCE_VERSION, frame).response.responses[0]!.partitionResponses[0]!;
      expect(errorCode).toBe(0);
      this.offsets.push(Number(baseOffset));
    }
    return this.offsets.length;
  }
}

test.skipIf(loadNativeBinding().binding === null || process.platform !== 'linux' || !hasCompiler())(
  'an arena full of bytes that wait for the disk stops the sockets, and does not grow',
  async () => {
    const port = await serve();
    const client = await connected(port);
    await createTopics(client);
    for (const topic of ['m', 'p']) expect((await produce(client, topic, textBatch(['first']), { acks: -1 })).errorCode).toBe(0);
    const residentBefore = residentBytes();

    writeFileSync(join(dir, 'hold'), '');
    const topicData = [{ name: 'm', partitionData: [{ index: 0, records: textBatch(['x'.repeat(VALUE_BYTES)]) }] }];
    const frame = requestFrame(produceApi, PRODUCE_VERSION, { acks: 1, timeoutMs: 30_000, topicData });
    const floods: Flood[] = [];
    for (let i = 0; i < PRODUCERS; i++) floods.push(new Flood(await connected(port), frame));
    const acked = (): number => floods.reduce((sum, flood) => sum + flood.look(), 0);

    const full = await eventually(
      async () => {
        const found = await arena();
        return found !== undefined && found.unwritten * 4 > found.size * 3 ? found : undefined;
      },
      () => `the arena was not filled; ${acked()} requests are acked`,
    );
    expect(full.size).toBe(ARENA_BYTES);
    // A request for another topic, behind all that.
    const other = client.request(produceApi, PRODUCE_VERSION, {
      acks: 1,
      timeoutMs: 30_000,
      topicData: [{ name: 'p', partitionData: [{ index: 0, records: textBatch(['second']) }] }],
    });
    // The shard goes round and says so, and reads nothing.
    const later = await eventually(
      async () => {
        const found = await arena();
        return found !== undefined && found.stops >= full.stops + 3 ? found : undefined;
      },
      () => 'the shard stands still',
    );
    expect(later.unwritten).toBeLessThanOrEqual(ARENA_BYTES);
    expect(acked() * VALUE_BYTES).toBeLessThanOrEqual(ARENA_BYTES);
    expect(acked() * VALUE_BYTES).toBeGreaterThan(ARENA_BYTES / 2);
    expect(client.bytesHeld).toBe(0);
    expect(unreadBytes(port)).toBeGreaterThan(PRODUCERS * 1024);
    expect(floods.reduce((sum, { sent }) => sum + sent, 0)).toBeLessThan(PRODUCERS * REQUESTS);
    expect(residentBytes() - residentBefore).toBeLessThan(BUDGET_BYTES + SLACK_BYTES);

    rmSync(join(dir, 'hold'));
    await eventually(
      () => acked() === PRODUCERS * REQUESTS || undefined,
      () =>
        `${acked()} of ${PRODUCERS * REQUESTS} requests are acked, ${clients.filter(({ isGone }) => isGone).length} connections were closed`,
    );
    const offsets = floods.flatMap((flood) => flood.offsets).toSorted((a, b) => a - b);
    expect(offsets).toEqual(Array.from({ length: PRODUCERS * REQUESTS }, (_, i) => i + 1));
    expect((await client.answer(produceApi, PRODUCE_VERSION, other)).responses[0]!.partitionResponses[0]!.errorCode).toBe(0);
    expect([await endOffset(client, 'm'), await endOffset(client, 'p')]).toEqual([PRODUCERS * REQUESTS + 1, 2]);
    expect(residentBytes() - residentBefore).toBeLessThan(BUDGET_BYTES + SLACK_BYTES);
    broker!.child.kill('SIGTERM');
    expect(await broker!.ended()).toBe(0);
  },
  DEADLINE_MS * 4,
);
