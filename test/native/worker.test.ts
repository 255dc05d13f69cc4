// Native reactors in worker threads: wake-ups from other threads, ends at any moment, exceptions in a tick.

import { closeSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as layout from '../../src/engine/io/tick-layout.ts';
import { framed, requestBytes } from '../net/reactor/produce-fixture.ts';
import { addon, ADDON_PATH, nativeAbsent } from './native-bench.ts';

interface Started {
  readonly worker: Worker;
  readonly port: number;
  readonly wakeFd: number;
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

function startWorker(file: number, ownsThread: boolean, mode: 'echo' | 'throw' = 'echo'): Promise<Started> {
  const path = fileURLToPath(new URL('./fixtures/echo-worker.cjs', import.meta.url));
  const worker = new Worker(path, { workerData: { addonPath: ADDON_PATH, layout: { ...layout }, file, mode, ownsThread } });
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (first: { port: number; wakeFd: number }) => {
      worker.off('error', reject);
      resolve({ worker, ...first });
    });
  });
}

/** Sends frames for as long as the other end lives; resolves with the bytes echoed when it is gone. */
function load(port: number): { readonly gone: Promise<number>; readonly first: Promise<void> } {
  const frame = framed(requestBytes(18, 3, 1, 10_000));
  const socket = connect(port, '127.0.0.1');
  let echoed = 0;
  socket.on('connect', () => {
    for (let i = 0; i < 20; i++) socket.write(frame);
  });
  const first = new Promise<void>((resolve) => {
    socket.on('data', (chunk) => {
      echoed += chunk.length;
      resolve();
      socket.write(frame);
    });
  });
  socket.on('error', () => undefined);
  return { gone: new Promise((resolve) => socket.on('close', () => resolve(echoed))), first };
}

describe.skipIf(nativeAbsent).each([
  ['a guest of the event loop', false],
  ['waiting in its place', true],
])('native reactor in a worker, %s', (_title, ownsThread) => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'ringlog-worker-'));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  test('another thread wakes it by its descriptor, and signals between two ticks are one', async () => {
    const { worker, wakeFd } = await startWorker(-1, ownsThread);
    let wakes = 0;
    const woken = new Promise<void>((resolve) => {
      worker.on('message', (message: { wakes: number }) => {
        wakes = message.wakes;
        resolve();
      });
    });
    for (let i = 0; i < 50; i++) expect(addon()['signal']!(wakeFd)).toBe(0);
    await woken;
    expect(wakes).toBeLessThanOrEqual(50);
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage('close');
    expect(await exited).toBe(0);
  });

  test('terminate() under load, with reads and syncs in flight, gives every descriptor back', async () => {
    const file = openSync(join(directory, 'log'), 'w+');
    // Once beforehand, so that what the process opens only once is open.
    await terminateUnderLoad(file, ownsThread, 5);
    const before = openDescriptors();
    for (let round = 0; round < 15; round++) await terminateUnderLoad(file, ownsThread, round * 3);
    expect(openDescriptors()).toBeLessThanOrEqual(before + 2);
    closeSync(file);
  });

  test('an exception in a tick ends the worker the way any other does', async () => {
    const { worker, port } = await startWorker(-1, ownsThread, 'throw');
    const failed = new Promise<Error>((resolve) => worker.once('error', resolve));
    const { gone } = load(port);
    expect((await failed).message).toBe('thrown in a tick');
    await gone;
  });

  test('close() in the worker lets it end by itself', async () => {
    const { worker, port } = await startWorker(-1, ownsThread);
    const { gone, first } = load(port);
    await first;
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage('close');
    expect(await exited).toBe(0);
    expect(await gone).toBeGreaterThan(0);
  });
});

async function terminateUnderLoad(file: number, ownsThread: boolean, afterMs: number): Promise<void> {
  const { worker, port } = await startWorker(file, ownsThread);
  const clients = [load(port), load(port), load(port)];
  await clients[0]!.first;
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  await worker.terminate();
  await Promise.all(clients.map((client) => client.gone));
}
