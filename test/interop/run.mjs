#!/usr/bin/env node
// The interop rig: clients nobody here wrote, against a broker that this starts for itself on loopback.
//
//   node test/interop/run.mjs                     every client, per-shard listeners, native and portable reactor
//   node test/interop/run.mjs --short             kcat, kafkajs and the Java core: what CI runs
//   node test/interop/run.mjs --single            listeners=single too (or alone: --listeners single)
//   node test/interop/run.mjs --against kafka     proves the rig itself on Apache Kafka
//   node test/interop/run.mjs --only kcat --only 'kafkajs: gzip'
//
// One line a case, `N passed, N failed` at the end, exit code 1 when anything failed. `--keep` leaves the data behind,
// `--bin` takes another ringlog.mjs, `--list` only names the cases.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { kcatGroup } from './cases/kcat.mjs';
import { kafkajsGroup } from './cases/kafkajs.mjs';
import { javaGroup } from './cases/java-tools.mjs';
import { logFilesGroup } from './cases/log-files.mjs';
import { confluentGroup, franzGroup, kafkaPythonGroup, platformaticGroup } from './cases/client-programs.mjs';
import { ombGroup } from './cases/omb-harness.mjs';
import { runnersGroup } from './cases/test-runners.mjs';
import { createBroker } from './rig/brokers.mjs';
import { openKafkajs } from './rig/kafkajs-client.mjs';
import { until } from './rig/processes.mjs';
import { runCases, Score } from './rig/suite.mjs';

const { values: options } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    single: { type: 'boolean', default: false },
    listeners: { type: 'string', multiple: true },
    reactor: { type: 'string', multiple: true },
    against: { type: 'string', default: 'ringlog' },
    only: { type: 'string', multiple: true, default: [] },
    shards: { type: 'string', default: '2' },
    bin: { type: 'string' },
    keep: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});

// The files are looked at last: by then every other client has written into them.
const groups = [
  kcatGroup,
  kafkajsGroup,
  javaGroup,
  platformaticGroup,
  confluentGroup,
  kafkaPythonGroup,
  franzGroup,
  runnersGroup,
  ombGroup,
  logFilesGroup,
];
const shards = Number(options.shards);

/** Brokers to run against; the first runs everything, the others only what is marked as core. */
function configurations() {
  if (options.against === 'kafka') return [{ label: 'kafka', core: false }];
  const listeners = options.listeners ?? (options.single ? ['per-shard', 'single'] : ['per-shard']);
  const reactors = options.reactor ?? (options.short ? ['auto'] : ['auto', 'portable']);
  return listeners
    .flatMap((mode) => reactors.map((reactor) => ({ listeners: mode, reactor, label: `${mode} ${reactor}` })))
    .map((one, i) => ({ ...one, core: i > 0 }));
}

function chosen(group, coreOnly) {
  return group.cases.filter(({ name, core, short = true }) => {
    if (options.only.length > 0) return options.only.some((text) => name.includes(text));
    return (!coreOnly || core) && (!options.short || short);
  });
}

let topics = 0;

async function runAgainst(configuration, score) {
  const dir = mkdtempSync(join(tmpdir(), 'ringlog-interop-'));
  const kind = options.against;
  const broker = await createBroker({ ...configuration, kind, dir, shards, bin: options.bin });
  const nodes = kind === 'ringlog' && configuration.listeners === 'per-shard' ? shards : 1;
  const topicName = (name) => `${name}-${++topics}`;
  const shared = {
    kind,
    nodes,
    dir,
    topicName,
    async createTopic(name, partitions, config = {}) {
      const topic = topicName(name);
      const configEntries = Object.entries(config).map(([key, value]) => ({ name: key, value }));
      await openKafkajs({ broker }).withAdmin(async (admin) => {
        // kafkajs's own wait for leaders gives up at the first answer from a broker that has not heard of the topic yet.
        await admin.createTopics({
          waitForLeaders: false,
          topics: [{ topic, numPartitions: partitions, replicationFactor: 1, configEntries }],
        });
        await until(`${topic} has its leaders`, async () => {
          const answer = await admin.fetchTopicMetadata({ topics: [topic] }).catch(() => undefined);
          return answer?.topics[0].partitions.length === partitions;
        });
      });
      return topic;
    },
  };
  try {
    for (const group of groups) {
      const cases = chosen(group, configuration.core);
      if (cases.length === 0) continue;
      let client;
      try {
        client = group.prepare();
      } catch (error) {
        for (const { name } of cases)
          score.fail(`[${configuration.label}] ${name}`, new Error(`cannot install the client: ${error.message}`));
        continue;
      }
      await runCases(cases, { score, label: `[${configuration.label}] `, broker, shared: { ...shared, client } });
    }
    await broker.stop();
  } catch (error) {
    score.fail(`[${configuration.label}] the broker stops cleanly`, error);
  } finally {
    await broker.kill();
    if (options.keep) console.log(`data kept in ${dir}`);
    else rmSync(dir, { recursive: true, force: true });
  }
}

if (options.list) {
  for (const configuration of configurations())
    for (const group of groups) for (const { name } of chosen(group, configuration.core)) console.log(`[${configuration.label}] ${name}`);
} else {
  const score = new Score();
  for (const configuration of configurations()) await runAgainst(configuration, score);
  score.end();
  // A client that leaves a timer behind must not keep the rig alive.
  process.exit();
}
