// A whole broker in the test's own process on ports of the kernel's choice and a folder of its own, and a client that
// sends whatever bytes a test wants. Owner: the test's thread.
//
//   const broker = await startTestBroker({ kind: 'native' });
//   const client = await broker.client();
//   const answer = await client.call(metadataApi, 13, { topics: null });
//   await broker.stop();   // closes clients, stops the broker, removes the folder

import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ByteReader } from '../../src/engine/base/byte-reader.ts';
import { ByteWriter } from '../../src/engine/base/byte-writer.ts';
import { parseBrokerConfig } from '../../src/engine/base/config-broker.ts';
import { loadNativeBinding } from '../../src/engine/io/native-binding.ts';
import { buildBatch, type BatchOptions, type NewRecord } from '../../src/engine/record/batch-builder.ts';
import type { ApiSchema } from '../../src/net/kafka/schema/api-schema.ts';
import { apiVersionsApi } from '../../src/net/kafka/schema/generated/api-versions.ts';
import { createTopicsApi } from '../../src/net/kafka/schema/generated/create-topics.ts';
import { fetchApi } from '../../src/net/kafka/schema/generated/fetch.ts';
import { listOffsetsApi } from '../../src/net/kafka/schema/generated/list-offsets.ts';
import { produceApi } from '../../src/net/kafka/schema/generated/produce.ts';
import type { RunningBroker } from '../../src/workers/supervisor/running-broker.ts';
import { startBroker } from '../../src/workers/supervisor/start-broker.ts';
import { compileSources } from '../workers/compiled.ts';
import type { ClientFace } from './client-face.ts';
import { Leaders } from './leaders.ts';
import { RoutingClient } from './routing-client.ts';

export type ReactorKind = 'native' | 'portable';
/**
 * The ways to put a broker together that the broker suite runs on. In one thread there is one shard on either reactor, and
 * everything is local. With two shards on threads of their own a client goes to the shard that leads (per-shard), or
 * anywhere and is served over the rings (single).
 */
export type BrokerKind = ReactorKind | 'per-shard' | 'single';

const threads = { 'ringlog.shards': '2', 'ringlog.reactor': 'auto' };

const kindConfigs: Readonly<Record<BrokerKind, Readonly<Record<string, string>>>> = {
  native: { 'ringlog.shards': '0', 'ringlog.reactor': 'native' },
  portable: { 'ringlog.shards': '0', 'ringlog.reactor': 'portable' },
  'per-shard': { ...threads, 'ringlog.listeners': 'per-shard' },
  single: { ...threads, 'ringlog.listeners': 'single' },
};

/** The reactors a suite runs on here; the native one only where its addon was built. */
export function reactorKinds(): ReactorKind[] {
  return isNativeHere() ? ['native', 'portable'] : ['portable'];
}

/** All kinds; without the addon one port cannot be shared by threads. */
export function brokerKinds(): BrokerKind[] {
  return isNativeHere() ? ['native', 'portable', 'per-shard', 'single'] : ['portable', 'per-shard'];
}

/** One local kind and those with threads: for what does not depend on how a reactor works. */
export function topologyKinds(): BrokerKind[] {
  return brokerKinds().filter((kind, i) => i === 0 || kind === 'per-shard' || kind === 'single');
}

function isNativeHere(): boolean {
  const { binding, reason } = loadNativeBinding();
  if (binding === null) process.stdout.write(`not run on the native reactor: ${reason}\n`);
  return binding !== null;
}

/** Answers are waited for this long; slow machines under load need most of it. */
export const DEADLINE_MS = 30_000;
const CLIENT_ID = 'test';
const PREFIX_BYTES = 4;

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
}

export interface TestBrokerOptions {
  /** One shard in this thread, on the best reactor there is, when not given. */
  readonly kind?: BrokerKind;
  readonly config?: Readonly<Record<string, string>>;
  /** Of an earlier broker; a new one otherwise. */
  readonly dir?: string;
}

export class TestBroker {
  readonly running: RunningBroker;
  readonly dir: string;
  readonly lines: readonly LogLine[];
  private readonly clients: RawClient[] = [];
  /** Where shards are nodes of their own: who leads what. */
  private readonly leaders = new Leaders();

  constructor(running: RunningBroker, dir: string, lines: readonly LogLine[]) {
    this.running = running;
    this.dir = dir;
    this.lines = lines;
  }

  get port(): number {
    return this.running.facts.addresses[0]!.port;
  }

  /** Goes to the node that leads what a request names. */
  async client(): Promise<RawClient> {
    return this.kept(await this.open());
  }

  /** One connection, to the node that leads the partition. */
  async leaderClient(topic: string, partition = 0): Promise<RawClient> {
    const leader = this.leaders.leaderOf(topic, partition);
    const { addresses } = this.running.facts;
    return this.kept(await RawClient.open((addresses.find(({ nodeId }) => nodeId === leader) ?? addresses[0]!).port));
  }

  /** One connection to each node, in their order. */
  async nodeClients(): Promise<RawClient[]> {
    return Promise.all(this.running.facts.addresses.map(async ({ port }) => this.kept(await RawClient.open(port))));
  }

  private kept(client: RawClient): RawClient {
    this.clients.push(client);
    return client;
  }

  private async open(): Promise<RawClient> {
    const { addresses } = this.running.facts;
    if (addresses.length === 1) return RawClient.open(this.port);
    const nodes = await Promise.all(addresses.map(async ({ nodeId, port }) => [nodeId, await RawClient.open(port)] as const));
    // All that RawClient has beside its face is private.
    return new RoutingClient(new Map(nodes), this.leaders) as unknown as RawClient;
  }

  /** Ask on a connection of its own: shows that the broker still serves others. */
  async ask<T>(question: (client: RawClient) => Promise<T>): Promise<T> {
    const client = await this.open();
    try {
      return await question(client);
    } finally {
      client.destroy();
    }
  }

  /**
   * `together`: one node leads all its partitions, so that one request can name them.
   * @returns the new topic's id
   */
  async createTopic(name: string, partitions = 1, configs: Readonly<Record<string, string>> = {}, together = false): Promise<string> {
    return this.ask(async (client) => {
      const brokerIds = [this.running.facts.addresses.at(-1)!.nodeId];
      const counts = together
        ? {
            numPartitions: -1,
            replicationFactor: -1,
            assignments: Array.from({ length: partitions }, (_, partitionIndex) => ({ partitionIndex, brokerIds })),
          }
        : { numPartitions: partitions, replicationFactor: 1, assignments: [] };
      const rows = Object.entries(configs).map(([key, value]) => ({ name: key, value }));
      const answer = await client.call(createTopicsApi, 7, { topics: [{ name, ...counts, configs: rows }] });
      const { errorCode, errorMessage, topicId } = answer.topics[0]!;
      if (errorCode !== 0) throw new Error(`topic ${name}: error ${errorCode} ${errorMessage}`);
      await this.leaders.refresh(client);
      return topicId;
    });
  }

  /** Where the partition ends, asked on a connection of its own. */
  async endOffset(topic: string, partition = 0): Promise<number> {
    const answer = await this.ask((client) =>
      client.call(listOffsetsApi, 7, {
        replicaId: -1,
        isolationLevel: 0,
        topics: [{ name: topic, partitions: [{ partitionIndex: partition, timestamp: -1 }] }],
      }),
    );
    const { errorCode, offset } = answer.topics[0]!.partitions[0]!;
    if (errorCode !== 0) throw new Error(`end offset of ${topic}-${partition}: error ${errorCode}`);
    return offset;
  }

  /** Resolves when a line of the log matches. */
  logged(pattern: RegExp): Promise<string> {
    return eventually(
      () => this.lines.find(({ message }) => pattern.test(message))?.message,
      () => `no line like ${pattern} in: ${JSON.stringify(this.lines)}`,
    );
  }

  /** Keeps the folder for the next start on it. */
  async halt(): Promise<void> {
    for (const client of this.clients) client.destroy();
    await this.running.stop();
  }

  async stop(): Promise<void> {
    await this.halt();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export async function startTestBroker({ kind, config = {}, dir }: TestBrokerOptions = {}): Promise<TestBroker> {
  const lines: LogLine[] = [];
  const note =
    (level: LogLine['level']) =>
    (message: string): void =>
      void lines.push({ level, message });
  const home = dir ?? mkdtempSync(join(tmpdir(), 'ringlog-broker-'));
  const texts: Record<string, string> = {
    listeners: 'PLAINTEXT://127.0.0.1:0',
    'log.dirs': home,
    ...(kind === undefined ? { 'ringlog.shards': '0' } : kindConfigs[kind]),
    'ringlog.segment.bytes.min': '1',
    'offsets.topic.num.partitions': '2',
    'group.initial.rebalance.delay.ms': '0',
    ...config,
  };
  const parsed = parseBrokerConfig(Object.entries(texts).map(([name, value]) => ({ name, value, from: 'test' })));
  if (!parsed.ok) throw new Error(parsed.errors.join('\n'));
  const running = await (
    await starterOf(parsed.settings.config['ringlog.shards'])
  ).startBroker({
    settings: parsed.settings,
    log: { info: note('info'), warn: note('warn'), error: note('error') },
    onDeath: (cause) => {
      throw cause;
    },
  });
  return new TestBroker(running, home, lines);
}

/** Threads need the compiled sources: Node 20 cannot run TypeScript in them. */
async function starterOf(shards: string): Promise<{ startBroker: typeof startBroker }> {
  if (shards === '0') return { startBroker };
  compileSources();
  return (await import(new URL('../../dist/workers/supervisor/start-broker.js', import.meta.url).href)) as {
    startBroker: typeof startBroker;
  };
}

/** Looks again and again, without a fixed pause, until there is something. */
export async function eventually<T>(look: () => T | undefined | Promise<T | undefined>, complaint: () => string): Promise<T> {
  const end = performance.now() + DEADLINE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(complaint());
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A schema whose messages are not looked into. */
export type AnyApi = ApiSchema<unknown, unknown, never, never>;

/** The whole frame of a request, length prefix included. */
export function requestFrame<Req, Res, ReqInput, ResInput>(
  api: ApiSchema<Req, Res, ReqInput, ResInput>,
  version: number,
  request: ReqInput,
  correlationId = 1,
  clientId: string | null = CLIENT_ID,
): Buffer {
  const writer = requestHeader(api.key, version, correlationId, version >= api.flexibleSince, clientId);
  api.encodeRequest(writer, request, version);
  return framed(writer.copy());
}

/** Header bytes for a body that a test writes itself. */
export function requestHeader(
  key: number,
  version: number,
  correlationId: number,
  flexible: boolean,
  clientId: string | null = CLIENT_ID,
): ByteWriter {
  const writer = new ByteWriter();
  writer.int16(key);
  writer.int16(version);
  writer.int32(correlationId);
  writer.nullableString(clientId);
  if (flexible) writer.uvarint(0);
  return writer;
}

/** `payload` behind its length. */
export function framed(payload: Uint8Array): Buffer {
  const frame = Buffer.alloc(PREFIX_BYTES + payload.length);
  frame.writeInt32BE(payload.length);
  frame.set(payload, PREFIX_BYTES);
  return frame;
}

/** An answer to the last byte. */
export function decodeAnswer<Req, Res, ReqInput, ResInput>(
  api: ApiSchema<Req, Res, ReqInput, ResInput>,
  version: number,
  payload: Uint8Array,
): { correlationId: number; response: Res } {
  const reader = new ByteReader(payload);
  const correlationId = reader.int32();
  if (version >= api.flexibleSince && api.key !== apiVersionsApi.key) reader.skipTags();
  const response = api.decodeResponse(reader, version);
  if (reader.remaining > 0) throw new Error(`${api.name} v${version}: ${reader.remaining} bytes left over in the answer`);
  return { correlationId, response };
}

export class RawClient implements ClientFace {
  private readonly socket: Socket;
  private pieces: Buffer[] = [];
  private pieceBytes = 0;
  private nextCorrelationId = 100;
  private gone = false;
  private wake: (() => void) | null = null;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (piece) => {
      this.pieces.push(piece);
      this.pieceBytes += piece.length;
      this.wake?.();
    });
    socket.on('error', () => undefined);
    const ended = (): void => {
      this.gone = true;
      this.wake?.();
    };
    socket.on('end', ended);
    socket.on('close', ended);
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect({ host: '127.0.0.1', port });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawClient(socket);
  }

  /** Resolves when the kernel has the bytes. */
  send(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => this.socket.write(bytes, () => resolve()));
  }

  /** Send and do not wait. @returns the correlation id */
  request<Req, Res, ReqInput, ResInput>(api: ApiSchema<Req, Res, ReqInput, ResInput>, version: number, request: ReqInput): number {
    const correlationId = this.nextCorrelationId++;
    this.socket.write(requestFrame(api, version, request, correlationId));
    return correlationId;
  }

  /** The next answer of the connection, which must be to `correlationId`. */
  async answer<Req, Res, ReqInput, ResInput>(
    api: ApiSchema<Req, Res, ReqInput, ResInput>,
    version: number,
    correlationId: number,
    deadlineMs = DEADLINE_MS,
  ): Promise<Res> {
    const payload = await this.frame(deadlineMs);
    const { correlationId: got, response } = decodeAnswer(api, version, payload);
    if (got !== correlationId) throw new Error(`${api.name} v${version}: answer to ${got}, not to ${correlationId}`);
    return response;
  }

  call<Req, Res, ReqInput, ResInput>(
    api: ApiSchema<Req, Res, ReqInput, ResInput>,
    version: number,
    request: ReqInput,
    deadlineMs = DEADLINE_MS,
  ): Promise<Res> {
    return this.answer(api, version, this.request(api, version, request), deadlineMs);
  }

  /** The next whole answer without its length. @throws when there is none in time, or the connection is gone */
  async frame(deadlineMs = DEADLINE_MS): Promise<Buffer> {
    const end = performance.now() + deadlineMs;
    for (;;) {
      const frame = this.takeFrame();
      if (frame !== null) return frame;
      if (this.gone) throw new Error('the broker closed the connection');
      if (!(await this.change(end - performance.now()))) throw new Error(`no answer within ${deadlineMs} ms`);
    }
  }

  /** A whole answer that is already here. */
  takeFrame(): Buffer | null {
    if (this.pieceBytes < PREFIX_BYTES) return null;
    if (this.pieces.length > 1) this.pieces = [Buffer.concat(this.pieces)];
    const all = this.pieces[0]!;
    const end = PREFIX_BYTES + all.readInt32BE(0);
    if (all.length < end) return null;
    this.pieces = [all.subarray(end)];
    this.pieceBytes -= end;
    return all.subarray(PREFIX_BYTES, end);
  }

  /** Of answers that have not been taken. */
  get bytesHeld(): number {
    return this.pieceBytes;
  }

  /** Resolves when the broker has closed the connection; whole answers before that stay. */
  async closed(deadlineMs = DEADLINE_MS): Promise<void> {
    const end = performance.now() + deadlineMs;
    while (!this.gone) if (!(await this.change(end - performance.now()))) throw new Error(`not closed within ${deadlineMs} ms`);
  }

  get isGone(): boolean {
    return this.gone;
  }

  /** No more from this side; answers can still come. */
  end(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  private change(withinMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(false), Math.max(withinMs, 0));
      const done = (changed: boolean): void => {
        clearTimeout(timer);
        this.wake = null;
        resolve(changed);
      };
      this.wake = () => done(true);
    });
  }
}

const encoder = new TextEncoder();

/** One record a text. */
export function textBatch(texts: readonly string[], options: Partial<BatchOptions> = {}): Uint8Array {
  const records: NewRecord[] = texts.map((text) => ({ key: null, value: encoder.encode(text) }));
  return buildBatch(records, { timestampMs: Date.now(), ...options });
}

export interface ProduceAnswer {
  readonly errorCode: number;
  readonly baseOffset: number;
  readonly logStartOffset: number;
  readonly logAppendTimeMs: number;
}

export function produceRequest(topic: string, records: Uint8Array | null, { acks = 1, partition = 0, timeoutMs = 10_000 } = {}) {
  return { acks, timeoutMs, topicData: [{ name: topic, partitionData: [{ index: partition, records }] }] };
}

/** One batch to one partition, at version 9. */
export async function produce(
  client: RawClient,
  topic: string,
  records: Uint8Array | null,
  options: { acks?: number; partition?: number; timeoutMs?: number } = {},
): Promise<ProduceAnswer> {
  const answer = await client.call(produceApi, 9, produceRequest(topic, records, options));
  return answer.responses[0]!.partitionResponses[0]!;
}

export interface FetchAsk {
  readonly partition?: number;
  readonly offset?: number;
  readonly maxWaitMs?: number;
  readonly minBytes?: number;
  readonly maxBytes?: number;
  readonly partitionMaxBytes?: number;
  readonly leaderEpoch?: number;
}

/** One partition by name, without a session: versions 7 to 12. */
export function fetchRequest(topic: string, ask: FetchAsk = {}) {
  return {
    replicaId: -1,
    maxWaitMs: ask.maxWaitMs ?? 0,
    minBytes: ask.minBytes ?? 1,
    maxBytes: ask.maxBytes ?? 1 << 20,
    topics: [
      {
        topic,
        partitions: [
          {
            partition: ask.partition ?? 0,
            currentLeaderEpoch: ask.leaderEpoch ?? -1,
            fetchOffset: ask.offset ?? 0,
            partitionMaxBytes: ask.partitionMaxBytes ?? 1 << 20,
          },
        ],
      },
    ],
  };
}

/** One partition, at version 12. */
export async function fetch(client: RawClient, topic: string, ask: FetchAsk = {}) {
  const answer = await client.call(fetchApi, 12, fetchRequest(topic, ask));
  return answer.responses[0]!.partitions[0]!;
}
