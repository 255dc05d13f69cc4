// Heap bytes a Produce and a Fetch request cost a broker in steady state: no more than 64 on each shard it concerns.
//
// Measured from outside the request path: the broker runs in a child process with the native reactor, the client in
// another, so that only the broker's heap grows. Its young generation is larger than everything a window allocates, so
// nothing is collected meanwhile and the growth of the used heap is the sum of all allocations (the child checks that no
// collection ran). A window without requests shows what the process allocates by itself.
//
// Shards have threads of their own, whose loop is ours: on the caller's thread Node makes an object each time round its loop
// (`RunAndClearNativeImmediates`), which is no cost of a request and hides it.
//
// `single` has two shards, and every request names one partition of each: one of them is forwarded, whichever shard the
// connection came to. There the heaps of both are measured.

import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadNativeBinding } from '../../src/engine/io/native-binding.ts';
import { fetchApi } from '../../src/net/kafka/schema/generated/fetch.ts';
import { produceApi } from '../../src/net/kafka/schema/generated/produce.ts';
import { DEADLINE_MS, type FetchAsk, fetchRequest, requestFrame, textBatch } from '../support/broker.ts';
import { compileSources } from '../workers/compiled.ts';
import { createTopic, endOf } from './prepare.ts';

/** For each shard that a request concerns. */
const LIMIT_BYTES = 64;
const WINDOW_REQUESTS = 5000;
/** Until the code is compiled for good: what compiling leaves on the heap is no cost of a request. */
const WINDOWS_MAX = 40;

const { binding, reason } = loadNativeBinding();
if (binding === null) process.stdout.write(`heap bytes a request are not measured: ${reason}\n`);

function message(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no message in time')), DEADLINE_MS * 4);
    const done = (): void => {
      clearTimeout(timer);
      child.off('message', heard);
      child.off('exit', died);
    };
    const heard = (what: unknown): void => {
      done();
      resolve(what);
    };
    const died = (code: number | null): void => {
      done();
      reject(new Error(`the process ended with code ${code}`));
    };
    child.on('message', heard);
    child.on('exit', died);
  });
}

const kinds = [
  { kind: 'one shard', config: { 'ringlog.shards': '1' }, partitions: [0] },
  { kind: 'single', config: { 'ringlog.shards': '2', 'ringlog.listeners': 'single' }, partitions: [0, 1] },
] as const;

describe.skipIf(binding === null).each(kinds)('heap bytes a request, $kind', ({ kind, config, partitions }) => {
  let dir: string;
  let broker: ChildProcess;
  let client: ChildProcess;
  let port: number;
  const limitBytes = LIMIT_BYTES * partitions.length;

  beforeAll(async () => {
    compileSources();
    dir = mkdtempSync(join(tmpdir(), 'ringlog-alloc-'));
    const execArgv = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'];
    const env = { ...process.env, NODE_OPTIONS: `--import=${new URL('heap-window.mjs', import.meta.url).href}` };
    broker = fork(new URL('broker-process.mjs', import.meta.url), [JSON.stringify({ 'log.dirs': dir, ...config })], { execArgv, env });
    ({ port } = (await message(broker)) as { port: number });
    client = fork(new URL('client-process.mjs', import.meta.url));
    await createTopic(port, 't', partitions.length);
  });
  afterAll(() => {
    client.kill();
    broker.kill();
    rmSync(dir, { recursive: true, force: true });
  });

  async function load(frame: Buffer, inFlight: number, count: number): Promise<void> {
    const done = message(client);
    client.send({ port, frame: frame.toString('base64'), inFlight, count });
    expect(await done).toBe('done');
  }

  /** @returns heap bytes the broker allocated while `work` ran */
  async function allocated(work: () => Promise<void>): Promise<number> {
    for (let attempt = 0; attempt < 3; attempt++) {
      const begun = message(broker);
      broker.send('begin');
      expect(await begun).toBe('begun');
      await work();
      const ended = message(broker);
      broker.send('end');
      const { bytes, collections } = (await ended) as { bytes: number; collections: number };
      if (collections === 0) return bytes;
    }
    throw new Error('every window was spoiled by a collection');
  }

  async function measure(name: string, frame: Buffer, inFlight: number, scale = 1): Promise<void> {
    const idle = await allocated(() => new Promise((resolve) => setTimeout(resolve, 100)));
    const samples: number[] = [];
    // The least is what requests cost; the others hold what else happened, ticks without a request above all. The first windows
    // are the warm-up.
    while (samples.length < WINDOWS_MAX && (samples.length === 0 || Math.min(...samples) > limitBytes)) {
      const count = WINDOW_REQUESTS * scale;
      samples.push((await allocated(() => load(frame, inFlight, count))) / count);
    }
    const shown = samples.map((bytes) => bytes.toFixed(1)).join(', ');
    process.stdout.write(`heap bytes a request, ${kind}, ${name}: ${shown} (a window without requests: ${idle} bytes)\n`);
    expect(Math.min(...samples)).toBeLessThanOrEqual(limitBytes);
  }

  const batch = textBatch(['x'.repeat(100)]);
  const produceFrame = (acks: number): Buffer => {
    const topicData = [{ name: 't', partitionData: partitions.map((index) => ({ index, records: batch })) }];
    return requestFrame(produceApi, 9, { acks, timeoutMs: 10_000, topicData });
  };
  const fetchFrame = (ask: FetchAsk): Buffer => {
    const request = fetchRequest('t', ask);
    const [one] = request.topics[0]!.partitions;
    return requestFrame(fetchApi, 12, {
      ...request,
      topics: [{ topic: 't', partitions: partitions.map((partition) => ({ ...one!, partition })) }],
    });
  };

  // Five in flight first: they compile the same code in a fifth of the time, most of which is threads that are woken.
  test('Produce, acks=1, five in flight', () => measure('Produce of one record, acks=1, 5 in flight', produceFrame(1), 5));
  test('Produce, acks=1', () => measure('Produce of one record, acks=1, 1 in flight', produceFrame(1), 1));
  test('Produce, acks=all', () => measure('Produce of one record, acks=all, 5 in flight', produceFrame(-1), 5));
  test('Fetch, five in flight', () => measure('Fetch without a session, 5 in flight', fetchFrame({ partitionMaxBytes: 1000 }), 5));
  test('Fetch', () => measure('Fetch without a session, 1 in flight', fetchFrame({ partitionMaxBytes: 1000 }), 1));
  test('Fetch that waits', async () => {
    const frame = fetchFrame({ offset: await endOf(port, 't'), maxWaitMs: 1, minBytes: 1 });
    await measure('Fetch parked for 1 ms, 5 in flight', frame, 5, 0.5);
  });
});
