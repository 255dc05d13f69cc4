// Restart after kill -9: how long until a record is acknowledged again when gigabytes are in active segments, against Kafka,
// against a broker that was killed with empty ones, and against one that starts on an empty directory. Not hot.
// bench/restart.mjs looks at the same start more closely, without Kafka's turn between.

import { deviceCounters } from '../device.mjs';
import { checkDisk, load } from '../load.mjs';
import { System } from '../systems.mjs';

const topic = 'active';
const freshGb = 0.1; // appended just before each kill, so that there always is an end that nobody synced

/** A stage of one row, which says how many partitions share the data. */
export async function openRestartStage({ options, dataDir, device, rows: [{ partitions, contenders }] }) {
  const full = { ringlog: new System('ringlog', dataDir) };
  if (options.kafka && contenders.includes('kafka')) full.kafka = new System('kafka', dataDir);
  const noData = new System('ringlog', dataDir, { name: 'ringlog-no-data' });
  const emptyDir = new System('ringlog', dataDir, { name: 'ringlog-empty-dir' });
  const all = [...Object.values(full), noData, emptyDir];
  const holds = `${options.activeGb} GiB in ${partitions} active segments, ${freshGb} GB of it fresh; acks=1`;
  const settings = {
    kafka: holds,
    ringlog: holds,
    'ringlog, no data': `the same topic, ${partitions} records`,
    'ringlog, empty dir': 'creates the topic first',
  };
  const shape = { partitions, connections: 8, recordBytes: 1000, records: 64, acks: 1, warmupS: 0 };

  /** What must be true before the process is spawned: all of them start after a kill, but for the one that never ran. */
  async function prepare(name) {
    if (name === 'ringlog, empty dir') {
      if (emptyDir.pid) await emptyDir.kill();
      await emptyDir.prepare({ empty: true });
      return emptyDir;
    }
    if (full[name]) await load(full[name], 'produce', { ...shape, topic, seconds: 10, maxGb: freshGb });
    const system = full[name] ?? noData;
    await system.kill();
    return system;
  }

  async function run(row, name) {
    const system = await prepare(name);
    const before = device && deviceCounters(device);
    const sinceNs = system.spawn();
    const result = await load(system, 'first-ack', { sinceNs, topic, partitions, create: system === emptyDir || undefined, timeoutS: 240 });
    if (device) result.deviceReadBytes = deviceCounters(device).readBytes - before.readBytes;
    // The broker's own count of what recovery read, which no noise of the machine touches.
    const recoveries = system.eventsSinceSpawn().filter(({ readBytes }) => readBytes !== undefined);
    if (recoveries.length > 0) result.recoveryBytes = recoveries.reduce((sum, { readBytes }) => sum + readBytes, 0);
    return result;
  }

  return {
    settings,
    absent: options.kafka ? {} : { kafka: '--no-kafka' },
    async start() {
      checkDisk(dataDir, Object.keys(full).length * 1.1 * options.activeGb);
      for (const system of [...Object.values(full), noData]) {
        await system.start({ empty: true });
        await load(system, 'create', { topic, partitions });
        // Eight segments or more of at most 1 GiB: none of them rolls.
        const gigabytes = options.activeGb * 1.0737;
        if (system === noData) await load(system, 'first-ack', { topic, partitions });
        else await load(system, 'produce', { ...shape, topic, seconds: 600, maxGb: gigabytes });
      }
    },
    run,
    async stop() {
      for (const system of all) await system.stop();
    },
  };
}
