// Old segments overwritten against new ones made, by one native thread with no broker around it. What counts is the CPU of
// the whole machine, and what reaches the device, until all is written back. Not hot.

import { join } from 'node:path';
import { countKernelThreads, machineCpu, othersCpu } from '../cpu-time.mjs';
import { deviceCounters } from '../device.mjs';
import { checkDisk } from '../load.mjs';
import { warn } from '../notes.mjs';
import { runNative } from '../systems.mjs';
import { memoryRegimes } from './memory-regime.mjs';

const segmentBytes = 256 * 2 ** 20;

// How each writes, into what, and where the pages of its old segments are before. `less` makes writes end within a page, as
// gathered batches do.
const contenders = {
  'buffered, new': { how: ['buffered', 'new'], pages: 'gone', text: 'old segment deleted, new file' },
  'buffered, cached': { how: ['buffered', 'old'], pages: 'cached', text: 'over an old segment, its pages in memory' },
  'buffered, gone': { how: ['buffered', 'old'], pages: 'gone', text: 'over an old segment, its pages not in memory' },
  'buffered, gone, odd': { how: ['buffered', 'old'], pages: 'gone', less: 100, text: 'the same, each write 100 B short of a page' },
  'direct, new': { how: ['direct', 'new'], pages: 'gone', text: 'O_DIRECT; old segment deleted, new file, blocks reserved by fallocate' },
  'direct, zeroed': { how: ['direct', 'zeroed'], pages: 'gone', text: 'the same, zeros written over the reserved blocks' },
  'direct, old': { how: ['direct', 'old'], pages: 'gone', text: 'O_DIRECT over an old segment' },
};

export async function openRecycleStage({ options, dataDir, device }) {
  const segments = Math.max(1, Math.round((options.recycleGb * 1e9) / segmentBytes));
  const gigabytes = (segments * segmentBytes) / 1e9;
  const regimes = memoryRegimes({ dataDir, coldSeconds: options.coldSeconds });
  // One wait for cold pages, or one filling of the cache, serves each contender of a row once: no run gives back memory that
  // the next could take.
  const turns = new Map();

  /** The share of the old segments' pages that is in memory then. */
  async function ready(name) {
    const { out } = await runNative('recycle', ['ready', contenders[name].pages, join(dataDir, name), String(segments)], {
      timeoutMs: 120_000,
    });
    return Number(out);
  }

  async function enterRegime(row, name) {
    const turn = (contender) => `${row.id} ${contender}`;
    const known = turns.get(turn(name));
    turns.delete(turn(name));
    if (known !== undefined) return known;
    const served = row.regime === 'hot' ? [name] : row.contenders;
    for (const each of served) await ready(each);
    const newPageNs = await regimes.enter(row.regime, gigabytes);
    turns.clear();
    for (const each of served) if (each !== name) turns.set(turn(each), newPageNs);
    return newPageNs;
  }

  async function run(row, name) {
    const { how, less = 0 } = contenders[name];
    checkDisk(dataDir, gigabytes);
    const newPageNs = await enterRegime(row, name);
    const cachedShare = await ready(name); // a cache that was filled since may have pushed out what is to be in it
    await runNative('disk', ['sync', dataDir], { timeoutMs: 60_000 }); // what others left dirty is not ours to pay for
    const deviceBefore = device && deviceCounters(device);
    const kernelThreads = countKernelThreads();
    const before = machineCpu();
    const busy = othersCpu();
    const began = performance.now();
    const args = ['append', ...how, join(dataDir, name), segments, row.writeBytes - less, row.syncBytes].map(String);
    const result = JSON.parse((await runNative('recycle', args, { timeoutMs: 120_000 })).out);
    const { out: syncSeconds } = await runNative('disk', ['sync', dataDir], { timeoutMs: 60_000 });
    result.secondsToDisk = (performance.now() - began) / 1000;
    const after = machineCpu();
    result.wholeSystemCpuSeconds = othersCpu() - busy;
    result.ownCpuSeconds = result.cpuSeconds + Number(syncSeconds) + kernelThreads();
    result.foreignShare = Math.max(0, 1 - result.ownCpuSeconds / result.wholeSystemCpuSeconds);
    if (result.foreignShare > 0.15) warn(`${row.id}: other processes used a part of the CPU that is counted (foreign)`);
    result.stealShare = (after.steal - before.steal) / Math.max(0.01, after.total - before.total);
    Object.assign(result, { newPageNs, cachedShare });
    if (!device) return result;
    const { readBytes, writeBytes, flushes } = deviceCounters(device);
    result.deviceReadBytes = readBytes - deviceBefore.readBytes;
    result.deviceWriteBytes = writeBytes - deviceBefore.writeBytes;
    result.device = { flushes: flushes - deviceBefore.flushes };
    return result;
  }

  return {
    settings: Object.fromEntries(Object.entries(contenders).map(([name, { text }]) => [name, text])),
    absent: {},
    async start() {},
    run,
    async stop() {
      regimes.leave();
    },
  };
}
