// Recycling of managed segments in the broker, on against off: one partition whose retention deletes as much as is appended,
// and a disk that is asked for after every request. Both are up, one is loaded at a time. Not hot.

import { countBrokerAndKernel, othersCpu } from '../cpu-time.mjs';
import { deviceCounters } from '../device.mjs';
import { checkDisk, load, sleep } from '../load.mjs';
import { warn } from '../notes.mjs';
import { freePort } from '../peers/kafka.mjs';
import { runNative, System } from '../systems.mjs';

const segmentBytes = 64 * 2 ** 20;
const topicConfig = {
  'ringlog.storage': 'managed',
  'segment.bytes': segmentBytes,
  'retention.bytes': 4 * segmentBytes,
  'file.delete.delay.ms': 0,
};
// Fewer looks than segments a second: a log keeps as many spares as it rolled from one look to the next.
const brokerConfig = { 'log.initial.task.delay.ms': 0, 'log.retention.check.interval.ms': 3000 };
// A deleted file rests for five seconds before it is written again: until then every segment is a new one.
const untilSteadyS = 9;

/** Segments that began in a deleted one's file. */
async function recycledSegments(http) {
  await sleep(1100); // the broker says so once a second
  const text = await (await fetch(`http://${http}/metrics`)).text();
  return Number(/^ringlog_segments_recycled_total\S* (\S+)$/m.exec(text)?.[1]);
}

export async function openRecycleBrokerStage({ options, dataDir, device }) {
  const systems = {};
  for (const [name, recycle] of Object.entries({ recycled: true, new: false })) {
    const http = `127.0.0.1:${await freePort()}`;
    const set = { ...brokerConfig, 'ringlog.segment.recycle': recycle, 'ringlog.http.listener': http };
    systems[name] = Object.assign(new System('ringlog', dataDir, { name: `ringlog-${name}`, set }), { http });
  }
  const topic = 'recycle';
  const create = Object.entries(topicConfig).map(([key, value]) => `${key}=${value}`);

  async function run(row, name) {
    const system = systems[name];
    checkDisk(dataDir, 8);
    const given = { ...row.load, topic, acks: -1, warmupS: 0, blockStat: device?.statFile };
    await runNative('disk', ['sync', dataDir], { timeoutMs: 60_000 }); // what others left dirty is not ours to pay for
    await load(system, 'produce', { ...given, seconds: untilSteadyS });
    const recycled = await recycledSegments(system.http);
    const deviceBefore = device && deviceCounters(device);
    const brokerAndKernel = countBrokerAndKernel(system.pid);
    const busy = othersCpu();
    const result = await load(system, 'produce', { ...given, seconds: options.seconds });
    const { out: syncSeconds } = await runNative('disk', ['sync', dataDir], { timeoutMs: 60_000 });
    result.wholeSystemCpuSeconds = othersCpu() - busy - result.client.totalCpuSeconds;
    const foreign = result.wholeSystemCpuSeconds - brokerAndKernel() - Number(syncSeconds);
    result.foreignShare = Math.max(0, foreign / result.wholeSystemCpuSeconds);
    if (result.foreignShare > 0.15) warn(`${row.id}: other processes used a part of the CPU that is counted (foreign)`);
    result.recycledShare = ((await recycledSegments(system.http)) - recycled) / (result.totalBytes / segmentBytes);
    if (device) result.deviceWriteBytes = deviceCounters(device).writeBytes - deviceBefore.writeBytes;
    return result;
  }

  return {
    settings: {
      recycled: 'managed, acks=all, ringlog.segment.recycle=true: power loss',
      new: 'managed, acks=all, ringlog.segment.recycle=false: power loss',
    },
    absent: {},
    async start([row]) {
      for (const system of Object.values(systems)) {
        await system.start({ empty: true });
        await load(system, 'create', { topic, partitions: row.load.partitions, config: create });
        // As much as is retained: from then on each segment is one too many.
        await load(system, 'produce', { ...row.load, topic, acks: 1, warmupS: 0, seconds: 20, maxGb: 0.35 });
      }
    },
    run,
    async stop() {
      for (const system of Object.values(systems)) await system.stop();
    },
  };
}
