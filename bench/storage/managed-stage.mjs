// The two storage modes of one broker, in three regimes of memory. What counts is the CPU of the whole machine until all is
// written back: the page cache does its work in kernel threads, direct IO in the broker. Not hot.

import { countBrokerAndKernel, othersCpu } from '../cpu-time.mjs';
import { deviceCounters } from '../device.mjs';
import { checkDisk, load, settle } from '../load.mjs';
import { warn } from '../notes.mjs';
import { runNative, System } from '../systems.mjs';
import { memoryRegimes } from './memory-regime.mjs';

const settings = {
  'page-cache': 'acks=1, ringlog.storage=page-cache, written back before the count ends: process crash',
  managed: 'acks=1, ringlog.storage=managed: nothing until it is synced',
};

export async function openManagedStage({ options, dataDir, device, isManagedThere }) {
  const system = new System('ringlog', dataDir);
  const regimes = memoryRegimes({ dataDir, coldSeconds: options.coldSeconds });
  let topics = 0;

  async function run(row, mode, gigabytes = options.managedGb) {
    const topic = `${row.id}-${topics++}`;
    checkDisk(dataDir, gigabytes);
    const newPageNs = await regimes.enter(row.regime, gigabytes);
    await runNative('disk', ['sync', dataDir], { timeoutMs: 60_000 }); // what others left dirty is not ours to pay for
    const deviceBefore = device && deviceCounters(device);
    const brokerAndKernel = countBrokerAndKernel(system.pid);
    const busy = othersCpu();
    const config = [`ringlog.storage=${mode}`];
    const given = { ...row.load, topic, create: true, config, acks: 1, warmupS: 0, seconds: 60, maxGb: gigabytes };
    const result = await load(system, 'produce', given);
    const { out: syncSeconds } = await runNative('disk', ['sync', dataDir], { timeoutMs: 60_000 });
    result.wholeSystemCpuSeconds = othersCpu() - busy - result.client.totalCpuSeconds;
    const foreign = result.wholeSystemCpuSeconds - brokerAndKernel() - Number(syncSeconds);
    result.foreignShare = Math.max(0, foreign / result.wholeSystemCpuSeconds);
    if (result.foreignShare > 0.15) warn(`${row.id}: other processes used a part of the CPU that is counted (foreign)`);
    result.newPageNs = newPageNs;
    if (device) result.deviceWriteBytes = deviceCounters(device).writeBytes - deviceBefore.writeBytes;
    await load(system, 'delete', { topic });
    await settle(system, { topic, mostBytes: 1e6 });
    return result;
  }

  return {
    settings,
    absent: isManagedThere ? {} : { managed: 'this broker refuses ringlog.storage=managed' },
    async start(rows) {
      await system.start({ empty: true });
      for (const mode of isManagedThere ? ['page-cache', 'managed'] : ['page-cache'])
        await run({ ...rows[0], regime: 'hot' }, mode, Math.min(0.3, options.managedGb));
    },
    run: (row, mode) => run(row, mode),
    async stop() {
      await system.stop();
      regimes.leave();
    },
  };
}
