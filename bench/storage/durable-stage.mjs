// fsync before every ack: Kafka with flush.messages=1, Ringlog with its commit journal and with a sync a segment, and the
// least a durable ack can cost. All are up, one is loaded at a time. Not hot.

import { deviceCounters } from '../device.mjs';
import { load, settle } from '../load.mjs';
import { runNative, System } from '../systems.mjs';

const settings = {
  kafka: 'acks=all, topic flush.messages=1: power loss',
  ringlog: 'acks=all, commit journal: power loss',
  'ringlog, segments': 'acks=all, ringlog.commit=segments: power loss',
  ceiling: 'C++ group commit, one O_DIRECT|O_DSYNC write a round: power loss',
};

export async function openDurableStage({ options, dataDir, device }) {
  const systems = {
    kafka: options.kafka && new System('kafka', dataDir),
    ringlog: new System('ringlog', dataDir),
    'ringlog, segments': new System('ringlog', dataDir, { name: 'ringlog-segments', set: { 'ringlog.commit': 'segments' } }),
    ceiling: new System('ceiling', dataDir, { args: ['--journal'] }),
  };
  const up = Object.entries(systems).filter(([, system]) => system);
  let topics = 0;

  async function run(row, name, seconds = options.seconds, warmupS = 0.5) {
    const system = systems[name];
    const topic = `${row.id}-${topics++}`;
    await runNative('disk', ['sync', dataDir], { timeoutMs: 60_000 }); // what others left dirty is not ours to pay for
    const before = device && deviceCounters(device);
    const config = name === 'kafka' ? ['flush.messages=1'] : [];
    const given = { ...row.load, topic, create: true, config, acks: -1, warmupS, seconds, blockStat: device?.statFile };
    const result = await load(system, 'produce', given);
    // What was acked is on the disk; what has yet to reach the segments is part of the price.
    await runNative('disk', ['sync', dataDir], { timeoutMs: 60_000 });
    if (device) result.deviceWriteBytes = deviceCounters(device).writeBytes - before.writeBytes;
    await load(system, 'delete', { topic });
    await settle(system, { topic, mostBytes: 1e6 });
    return result;
  }

  return {
    settings,
    absent: options.kafka ? {} : { kafka: '--no-kafka' },
    async start(rows) {
      for (const [, system] of up) await system.start({ empty: true });
      for (const [name] of up) {
        const total = name === 'kafka' ? options.warmupSeconds : options.warmupSeconds / 10;
        for (const row of rows) if (total > 0) await run(row, name, Math.max(0.3, total / rows.length), 0.1);
      }
    },
    run: (row, name) => run(row, name),
    async stop() {
      for (const [, system] of up) await system.stop();
    },
  };
}
