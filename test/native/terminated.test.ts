// A thread that is ended in the middle of the addon's own work: what it was making is nobody's any more, and the process goes on.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { ADDON_PATH, nativeAbsent } from './native-bench.ts';

const ROUNDS = 12;

/** As text: in a process of its own, which a broken invariant would take along. */
const program = `
const { Worker } = require('node:worker_threads');
const work = \`
  const { parentPort, workerData } = require('node:worker_threads');
  const native = require(workerData);
  const sizes = { requestMaxBytes: 4e6, arenaBytes: 2 ** 24, sendQueueMaxBytes: 16e6, receiveBufferBytes: 0, sendBufferBytes: 0 };
  const reactor = native.createReactor({ ...sizes, maxConnections: 10, fileThreads: 1, ioUring: false });
  parentPort.postMessage('ready');
  for (;;) for (let i = 0; i < 50; i++) i === 0 ? native.usableCpus() : reactor.counters();
\`;
(async () => {
  for (let round = 0; round < ${ROUNDS}; round++) {
    const worker = new Worker(work, { eval: true, workerData: process.argv[1] });
    await new Promise((ready) => worker.once('message', ready));
    await worker.terminate();
  }
  console.log('went on');
})();
`;

test.skipIf(nativeAbsent)('the process goes on', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', program, ADDON_PATH]);
  expect(stdout).toBe('went on\n');
});
