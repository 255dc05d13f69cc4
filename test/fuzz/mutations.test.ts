// Valid frames of every API and version, mutated at random and sent to a broker: it never crashes, never throws where
// nobody catches, always answers another connection in time, and never stores a byte that is not valid.
//
//   RINGLOG_FUZZ=100000       how many mutations (10,000 otherwise)
//   RINGLOG_FUZZ_SEED=…       which ones
//
// A failure names the mutations that were out; mutatedFrame(corpus, seed, number) makes each again.

import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { fetchApi } from '../../src/net/kafka/schema/generated/fetch.ts';
import { metadataApi } from '../../src/net/kafka/schema/generated/metadata.ts';
import { produceApi } from '../../src/net/kafka/schema/generated/produce.ts';
import { plausibleRequests, type Prepared } from '../net/kafka/handlers/plausible-requests.ts';
import {
  fetch,
  fetchRequest,
  produce,
  produceRequest,
  type RawClient,
  type ReactorKind,
  reactorKinds,
  requestFrame,
  requestHeader,
  framed,
  startTestBroker,
  type TestBroker,
  textBatch,
} from '../support/broker.ts';
import { mutatedFrame } from './mutate-frame.ts';
import { storedBatches } from './stored-batches.ts';

const COUNT = Number(process.env['RINGLOG_FUZZ'] ?? 10_000);
const SEED = Number(process.env['RINGLOG_FUZZ_SEED'] ?? 20_260_801);
/** Connections with a mutated frame at one time. */
const WAVE = 32;
const PROBE_ID = 0x5afe_5afe;
/** ApiVersions version 0. */
const PROBE = framed(requestHeader(18, 0, PROBE_ID, false).copy());
const UNKNOWN_TOPIC_OR_PARTITION = 3;

/** A socket as bare as possible: a hundred thousand of them are opened. */
class Victim {
  gone = false;
  /** The probe behind the mutated frame was answered: the connection is in step and can be used again. */
  inStep = false;
  /** The broker has answered on this connection. */
  readonly ready: Promise<void>;
  private onProbe: () => void = () => undefined;
  private readonly socket: Socket;
  private rest: Buffer = Buffer.alloc(0);

  constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port });
    this.ready = new Promise((resolve, reject) => {
      this.onProbe = resolve;
      this.socket.once('error', reject);
    });
    // A connection that the kernel has may not be accepted yet: only an answer shows that.
    this.socket.write(PROBE);
    this.socket.on('data', (piece) => this.onData(piece));
    this.socket.on('error', () => (this.gone = true));
    this.socket.on('end', () => (this.gone = true));
    this.socket.on('close', () => (this.gone = true));
  }

  send(bytes: Buffer): void {
    this.inStep = false;
    this.rest = Buffer.alloc(0);
    this.socket.write(bytes);
  }

  /** Without TIME_WAIT: there are not enough ports for it. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  private onData(piece: Buffer): void {
    let bytes = this.rest.length === 0 ? piece : Buffer.concat([this.rest, piece]);
    while (bytes.length >= 8 && bytes.length >= 4 + bytes.readInt32BE(0)) {
      if (bytes.readInt32BE(4) === PROBE_ID) {
        this.inStep = true;
        this.onProbe();
      }
      bytes = bytes.subarray(4 + bytes.readInt32BE(0));
    }
    this.rest = bytes;
  }
}

function corpusOf(topicId: string): { frames: Buffer[]; batches: Uint8Array[] } {
  const prepared: Prepared = { topic: 'things', topicId, group: 'members', generation: 1, memberId: 'm', emptyGroup: 'empty' };
  const frames: Buffer[] = [];
  const batches: Uint8Array[] = [];
  for (const { api, requestOf } of plausibleRequests) {
    for (let version = api.minVersion; version <= api.maxStableVersion; version++) {
      let request = requestOf(version, prepared) as object;
      if ('topicData' in request) batches.push((request as ReturnType<typeof produceRequest>).topicData[0]!.partitionData[0]!.records!);
      // Nothing that a mutated number could turn into ten thousand partitions.
      if ('validateOnly' in request || api.name === 'CreateTopics') request = { ...request, validateOnly: true };
      frames.push(requestFrame(api, version, request as never, frames.length));
    }
  }
  batches.push(
    textBatch(['a']),
    textBatch(['one', 'two', 'three']),
    textBatch(Array.from({ length: 60 }, (_, i) => `record ${i} ${'.'.repeat(i)}`)),
    textBatch(['x'.repeat(3000)]),
    ...Array.from({ length: 8 }, (_, i) => textBatch([`i${i}`], { producerId: 1000 + (i % 2), producerEpoch: 0, baseSequence: i >> 1 })),
  );
  for (const [i, batch] of batches.entries()) {
    for (const version of [3, 8, 9, 12]) {
      for (const acks of [1, -1, 0]) {
        frames.push(requestFrame(produceApi, version, produceRequest('things', batch, { acks, partition: i % 2, timeoutMs: 50 }), i));
      }
    }
    const partitionData = [0, 1].map((index) => ({ index, records: batch }));
    frames.push(requestFrame(produceApi, 13, { acks: 1, timeoutMs: 50, topicData: [{ topicId, partitionData }] }, i));
  }
  for (const version of [4, 7, 11, 12]) {
    for (const session of version >= 7 ? [{}, { sessionId: 0, sessionEpoch: 0 }, { sessionId: 1234, sessionEpoch: 3 }] : [{}]) {
      frames.push(requestFrame(fetchApi, version, { ...fetchRequest('things', { maxWaitMs: 5, offset: 1 }), ...session }, version));
    }
  }
  return { frames, batches };
}

/** The broker serves: now metadata, now a produce that is stored, now a fetch of it. */
async function serves(broker: TestBroker, control: RawClient, round: number, batch: Uint8Array): Promise<void> {
  switch (round % 3) {
    case 0: {
      expect((await control.call(metadataApi, 12, { topics: [{ name: 'control' }], allowAutoTopicCreation: false })).brokers).toHaveLength(
        1,
      );
      break;
    }
    case 1: {
      const { errorCode } = await produce(control, 'control', batch);
      // A mutation may have named the topic to be deleted.
      if (errorCode === UNKNOWN_TOPIC_OR_PARTITION) await broker.createTopic('control');
      else expect(errorCode).toBe(0);
      break;
    }
    default:
      expect([0, UNKNOWN_TOPIC_OR_PARTITION]).toContain((await fetch(control, 'control')).errorCode);
  }
}

async function run(reactor: ReactorKind, count: number): Promise<void> {
  const config = {
    'ringlog.fsync': 'never',
    'socket.request.max.bytes': '1000000',
    'log.retention.check.interval.ms': '100',
    'log.initial.task.delay.ms': '0',
  };
  const broker = await startTestBroker({ kind: reactor, config });
  const topicId = await broker.createTopic('things', 2);
  await broker.createTopic('control');
  const { frames, batches } = corpusOf(topicId);
  const controlBatch = textBatch(['control']);
  const control = await broker.client();
  const victims: (Victim | null)[] = new Array<null>(WAVE).fill(null);
  const outcomes = { answered: 0, closed: 0, waiting: 0 };
  const started = performance.now();
  for (let from = 0; from < count; from += WAVE) {
    try {
      for (let i = 0; i < WAVE; i++) victims[i] ??= new Victim(broker.port);
      await Promise.all(victims.map((victim) => victim!.ready));
      for (let i = 0; i < WAVE; i++) victims[i]!.send(Buffer.concat([mutatedFrame(frames, SEED, from + i), PROBE]));
      // The kernel has the bytes by now; the second answer comes in a later turn than those to the mutated frames.
      await serves(broker, control, from / WAVE, controlBatch);
      await serves(broker, control, 0, controlBatch);
    } catch (error) {
      throw new Error(
        `${reactor}, seed ${SEED}, mutations ${from} to ${from + WAVE - 1} were out: ${(error as Error).message}; log: ${JSON.stringify(broker.lines.slice(-5))}`,
        { cause: error },
      );
    }
    for (let i = 0; i < WAVE; i++) {
      const victim = victims[i]!;
      if (victim.inStep && !victim.gone) outcomes.answered++;
      else {
        if (victim.gone) outcomes.closed++;
        else outcomes.waiting++;
        victim.reset();
        victims[i] = null;
      }
    }
    // A failed handler is a bug even though only its connection is lost.
    expect(broker.lines.filter(({ level }) => level === 'error')).toEqual([]);
  }
  for (const victim of victims) victim?.reset();
  await serves(broker, await broker.client(), 0, controlBatch);
  await broker.halt();

  const stored = storedBatches(broker.dir);
  const sent = new Set([...batches, controlBatch].map((batch) => Buffer.from(batch).readUInt32BE(17)));
  const ofClients = stored.filter(({ partition }) => !partition.startsWith('__'));
  // What a mutation changed inside a checksum was refused: every batch is one that was made here, bit for bit.
  expect(ofClients.filter(({ crc }) => !sent.has(crc))).toEqual([]);
  expect(ofClients.length).toBeGreaterThan(0);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(
    `fuzz: ${reactor}, seed ${SEED}: ${count} mutations in ${seconds} s (${JSON.stringify(outcomes)}), ${stored.length} valid batches stored\n`,
  );

  const again = await startTestBroker({ kind: reactor, config, dir: broker.dir });
  expect(again.lines.filter(({ level }) => level === 'error')).toEqual([]);
  await again.ask((client) => client.call(metadataApi, 12, { topics: null }));
  await again.stop();
}

test.each(reactorKinds())(
  'mutated frames, %s reactor',
  (reactor) => run(reactor, reactor === 'native' ? COUNT : Math.ceil(COUNT / 4)),
  600_000,
);
