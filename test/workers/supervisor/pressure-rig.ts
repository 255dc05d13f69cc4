// A broker of its own process whose disk can be held (disk-shim.c): writes into the files of one partition wait for as long
// as a test likes, or are refused, with what it takes to fill the arena of managed logs meanwhile. Owner: the test's thread.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { loadNativeBinding } from '../../../src/engine/io/native-binding.ts';
import { createTopicsApi } from '../../../src/net/kafka/schema/generated/create-topics.ts';
import { listOffsetsApi } from '../../../src/net/kafka/schema/generated/list-offsets.ts';
import { produceApi } from '../../../src/net/kafka/schema/generated/produce.ts';
import { decodeAnswer, eventually, RawClient, requestFrame, textBatch } from '../../support/broker.ts';
import { canFailDisks, loadDiskShim } from './disk-shim.ts';
import { ServeProcess } from './serve-process.ts';

const LOOK_EVERY_MS = 20;
const PRODUCE_VERSION = 9;

/** Who writes managed files. */
export type WriteEngine = 'threads' | 'io_uring';

/** Of the arena of managed logs, one shard. */
export interface ArenaReading {
  readonly unwritten: number;
  readonly size: number;
  /** Rounds that read no sockets. */
  readonly stops: number;
  /** Times that the shard stood still. */
  readonly waits: number;
}

/** None where there is no addon, no Linux or no compiler. */
export function writeEngines(): WriteEngine[] {
  if (!canFailDisks()) return [];
  const ring = loadNativeBinding()
    .binding!.probe(tmpdir())
    .some(({ facility, available }) => facility === 'io_uring' && available);
  return ring ? ['threads', 'io_uring'] : ['threads'];
}

/** The environment in which writes below `dir` wait while the file `hold` exists; those of threads find no room while `full` does. */
export async function heldDisk(
  home: string,
  dir: string,
  { hold, full }: { readonly hold: string; readonly full?: string },
  engine: WriteEngine,
): Promise<Readonly<Record<string, string>>> {
  const { buildDiskShim, withFault, withHeldWrites } = await loadDiskShim();
  const library = buildDiskShim(home)!;
  const held = withHeldWrites(library, { dir, hold, ring: engine === 'io_uring' });
  if (full === undefined) return held;
  const { ENOSPC } = constants.errno;
  return { ...withFault(library, { dir, kind: 'write', ns: [1], stays: true, errno: ENOSPC, when: full, log: `${full}.log` }), ...held };
}

/** The frame of a Produce of one batch. */
export function produceFrame(topic: string, records: Uint8Array, index = 0): Buffer {
  const topicData = [{ name: topic, partitionData: [{ index, records }] }];
  return requestFrame(produceApi, PRODUCE_VERSION, { acks: 1, timeoutMs: 60_000, topicData });
}

export function batchOf(bytes: number): Uint8Array {
  return textBatch(['x'.repeat(bytes)]);
}

export class PressureRig {
  readonly broker: ServeProcess;
  readonly port: number;
  readonly clients: RawClient[] = [];
  private readonly home: string;

  private constructor(home: string, broker: ServeProcess, port: number) {
    this.home = home;
    this.broker = broker;
    this.port = port;
  }

  /** Writes of `m-0` can be held, and those of threads refused. */
  static async start(engine: WriteEngine, configs: Readonly<Record<string, string>>): Promise<PressureRig> {
    const home = mkdtempSync(join(tmpdir(), 'ringlog-pressure-'));
    const data = join(home, 'data');
    mkdirSync(data);
    const env = await heldDisk(home, join(data, 'm-0'), { hold: join(home, 'hold'), full: join(home, 'full') }, engine);
    const all = {
      listeners: 'PLAINTEXT://127.0.0.1:0',
      'log.dirs': data,
      'ringlog.http.listener': '127.0.0.1:0',
      'ringlog.io.uring': engine === 'io_uring' ? 'auto' : 'off',
      ...configs,
    };
    const broker = new ServeProcess(all, '', env);
    return new PressureRig(home, broker, await broker.port());
  }

  async stop(): Promise<void> {
    this.release();
    for (const client of this.clients) client.destroy();
    if (this.broker.code === undefined) {
      this.broker.child.kill('SIGKILL');
      await this.broker.ended();
    }
    rmSync(this.home, { recursive: true, force: true });
  }

  async endsCleanly(): Promise<void> {
    this.broker.child.kill('SIGTERM');
    expect(await this.broker.ended()).toBe(0);
  }

  hold(): void {
    writeFileSync(join(this.home, 'hold'), '');
  }

  release(): void {
    rmSync(join(this.home, 'hold'), { force: true });
  }

  /** What is written finds no room, though it was promised. */
  fill(): void {
    writeFileSync(join(this.home, 'full'), '');
  }

  makeRoom(): void {
    rmSync(join(this.home, 'full'), { force: true });
  }

  async client(): Promise<RawClient> {
    const client = await RawClient.open(this.port);
    this.clients.push(client);
    return client;
  }

  /** Clients that the broker has closed. */
  get lost(): number {
    return this.clients.filter(({ isGone }) => isGone).length;
  }

  /** `m`, managed, of one partition, and `p` in the page cache. */
  async createTopics(client: RawClient, maxMessageBytes: number, partitionsOfP = 1): Promise<void> {
    const managed = [
      { name: 'ringlog.storage', value: 'managed' },
      { name: 'max.message.bytes', value: String(maxMessageBytes) },
    ];
    const topics = [
      { name: 'm', numPartitions: 1, replicationFactor: 1, assignments: [], configs: managed },
      { name: 'p', numPartitions: partitionsOfP, replicationFactor: 1, assignments: [], configs: [] },
    ];
    const answer = await client.call(createTopicsApi, 7, { topics });
    expect(answer.topics.map(({ errorCode }) => errorCode)).toEqual([0, 0]);
  }

  async endOffset(client: RawClient, topic: string, partitionIndex = 0): Promise<number> {
    const topics = [{ name: topic, partitions: [{ partitionIndex, timestamp: -1 }] }];
    return (await client.call(listOffsetsApi, 7, { replicaId: -1, topics })).topics[0]!.partitions[0]!.offset;
  }

  /** By shard, when `enough` is true of it; every shard says it once a second. */
  async arenas(enough: (shards: readonly ArenaReading[]) => boolean, complaint: () => string): Promise<ArenaReading[]> {
    let last: ArenaReading[] = [];
    return eventually(
      async () => {
        last = await this.readArenas();
        if (last.length > 0 && enough(last)) return last;
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
        return undefined;
      },
      () => `${complaint()}: ${JSON.stringify(last)}`,
    );
  }

  residentBytes(): number {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.broker.child.pid}/status`, 'utf8'))![1]) * 1024;
  }

  /** What the kernel holds of connections to the broker that it has not read. */
  unreadBytes(): number {
    const local = `0100007F:${this.port.toString(16).toUpperCase().padStart(4, '0')}`;
    return readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((columns) => columns[1] === local && columns[3] === '01')
      .reduce((sum, columns) => sum + Number.parseInt(columns[4]!.split(':')[1]!, 16), 0);
  }

  /** Empty while the banner is not whole, or a shard writes its statement. */
  private async readArenas(): Promise<ArenaReading[]> {
    const url = /http\s+(http:\S+)/.exec(this.broker.out)?.[1];
    if (url === undefined) return [];
    const text = await (await fetch(`${url}metrics`)).text();
    const of = (name: string): number[] =>
      [...text.matchAll(new RegExp(`^ringlog_managed_arena_${name}\\{[^}]*\\} (\\S+)$`, 'gm'))].map(([, value]) => Number(value));
    const [unwritten, size, stops, waits] = [of('unwritten_bytes'), of('bytes'), of('stops_total'), of('waits_total')];
    return size!.map((bytes, i) => ({ unwritten: unwritten![i]!, size: bytes, stops: stops![i]!, waits: waits![i]! }));
  }
}

/** A producer that sends all it has, whatever is acked. */
export class Flood {
  /** Requests that the kernel has taken. */
  sent = 0;
  readonly offsets: number[] = [];
  /** Answers with the error that is expected, if one is. */
  refused = 0;
  refusal = 0;
  readonly count: number;
  private readonly client: RawClient;

  constructor(client: RawClient, frame: Buffer, count: number) {
    this.client = client;
    this.count = count;
    for (let i = 0; i < count; i++) void client.send(frame).then(() => this.sent++);
  }

  /** How many are acked. */
  look(): number {
    for (let frame = this.client.takeFrame(); frame !== null; frame = this.client.takeFrame()) {
      const { errorCode, baseOffset } = decodeAnswer(produceApi, PRODUCE_VERSION, frame).response.responses[0]!.partitionResponses[0]!;
      if (this.refusal !== 0 && errorCode === this.refusal) {
        this.refused++;
        continue;
      }
      expect(errorCode).toBe(0);
      this.offsets.push(Number(baseOffset));
    }
    return this.offsets.length;
  }
}
