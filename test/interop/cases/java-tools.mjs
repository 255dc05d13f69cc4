// The Java client and the command line tools of Apache Kafka 4.x, as they come from Maven.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installJava } from '../../../scripts/install-clients.mjs';
import { clientTool, failingClientTool, kafkaTool } from '../rig/java.mjs';
import { checkRecords, keyOf, valueOf } from '../rig/payload.mjs';
import { until } from '../rig/processes.mjs';
import { assert, equal } from '../rig/suite.mjs';
import { kcatProduce } from './kcat.mjs';

export async function javaProduce(context, topic, { from = 0, to, options = [] }) {
  let input = '';
  for (let n = from; n < to; n++) input += `${keyOf(n)}\t${valueOf(n)}\n`;
  const reader = ['--reader-property', 'parse.key=true', '--reader-property', 'key.separator=\t'];
  const { stderr } = await clientTool(context, 'kafka-console-producer', ['--topic', topic, ...reader, ...options], { input });
  // The console producer logs a failed record and still ends with 0.
  assert(!/ERROR|Exception/.test(stderr), `the producer complained: ${stderr.slice(0, 600)}`);
}

const printed = ['partition', 'offset', 'key', 'value'].flatMap((what) => ['--formatter-property', `print.${what}=true`]);

export async function javaConsume(context, topic, { count, options }) {
  const args = ['--topic', topic, ...printed, '--formatter-property', 'print.timestamp=false', '--max-messages', String(count)];
  const { stdout } = await clientTool(context, 'kafka-console-consumer', [...args, '--timeout-ms', '20000', ...options]);
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('Partition:'))
    .map((line) => {
      const [partition, offset, key, ...value] = line.split('\t');
      return { partition: Number(partition.split(':')[1]), offset: Number(offset.split(':')[1]), key, value: value.join('\t') };
    });
}

/** `{ partition: { current, end, lag } }` out of the table that kafka-consumer-groups prints. */
async function describeGroup(context, group) {
  const { stdout, stderr } = await clientTool(context, 'kafka-consumer-groups', ['--describe', '--group', group]);
  const rows = stdout.split('\n').filter((line) => line.startsWith(`${group} `));
  assert(rows.length > 0, `the group is not described: ${stdout.trim()} ${stderr.trim().slice(0, 300)}`);
  return Object.fromEntries(
    rows.map((row) => {
      const [, , partition, current, end, lag] = row.trim().split(/\s+/);
      return [partition, { current, end, lag }];
    }),
  );
}

async function offsetsOf(context, topic, time) {
  const { stdout } = await clientTool(context, 'kafka-get-offsets', [
    '--topic',
    topic,
    ...(time === undefined ? [] : ['--time', String(time)]),
  ]);
  return stdout.trim().split('\n').sort();
}

export const javaGroup = {
  name: 'java',
  prepare: installJava,
  cases: [
    {
      name: 'java: kafka-topics creates, describes, alters, lists, deletes',
      core: true,
      deadlineMs: 300_000,
      async run(context) {
        const topic = context.topicName('java-topics');
        const topics = (...args) => clientTool(context, 'kafka-topics', args);
        await topics('--create', '--topic', topic, '--partitions', '2', '--replication-factor', '1', '--config', 'retention.ms=3600000');
        const again = await failingClientTool(context, 'kafka-topics', ['--create', '--topic', topic, '--partitions', '2']);
        assert(
          again.status !== 0 && /Topic '.+' already exists\./.test(again.stdout + again.stderr),
          `a second create: ${again.status} ${again.stdout.trim()}`,
        );
        await topics('--alter', '--topic', topic, '--partitions', '4');
        const described = (await topics('--describe', '--topic', topic)).stdout;
        assert(/PartitionCount: 4\s+ReplicationFactor: 1/.test(described) && described.includes('retention.ms=3600000'), described);
        equal([...described.matchAll(/Partition: \d+\s+Leader: (\d+)\s+Replicas: \1\s+Isr: \1/g)].length, 4, `partitions in ${described}`);
        assert((await topics('--list')).stdout.split('\n').includes(topic), 'the topic is not listed');
        await topics('--delete', '--topic', topic);
        assert(!(await topics('--list')).stdout.split('\n').includes(topic), 'the topic is still listed');
      },
    },
    {
      name: 'java: console producer and consumer in a group, which goes on where it stopped',
      core: true,
      deadlineMs: 300_000,
      async run(context) {
        const topic = await context.createTopic('java-console', 3);
        const group = ['--group', `${topic}-group`, '--from-beginning'];
        await javaProduce(context, topic, { to: 1000 });
        checkRecords(await javaConsume(context, topic, { count: 1000, options: group }), { to: 1000, keys: true });
        await javaProduce(context, topic, { from: 1000, to: 1200 });
        checkRecords(await javaConsume(context, topic, { count: 200, options: group }), { from: 1000, to: 1200, keys: true });
      },
    },
    ...['gzip', 'snappy', 'lz4', 'zstd'].map((codec) => ({
      name: `java: console producer with ${codec}, read_committed consumer`,
      short: false,
      deadlineMs: 300_000,
      async run(context) {
        const topic = await context.createTopic(`java-${codec}`, 2);
        await javaProduce(context, topic, { to: 2000, options: ['--compression-codec', codec] });
        const options = ['--group', `${topic}-group`, '--from-beginning', '--isolation-level', 'read_committed'];
        checkRecords(await javaConsume(context, topic, { count: 2000, options }), { to: 2000, keys: true });
      },
    })),
    {
      name: 'java: consumer without a group, from an offset of a partition',
      short: false,
      deadlineMs: 300_000,
      async run(context) {
        const topic = await context.createTopic('java-partition', 2);
        await kcatProduce(context, topic, { to: 300, partition: 1 });
        const options = ['--partition', '1', '--offset', '120'];
        checkRecords(await javaConsume(context, topic, { count: 180, options }), { from: 120, to: 300, keys: true });
      },
    },
    {
      name: 'java: kafka-get-offsets',
      core: true,
      deadlineMs: 300_000,
      async run(context) {
        const topic = await context.createTopic('java-offsets', 2);
        await kcatProduce(context, topic, { to: 200, partition: 1 });
        equal(await offsetsOf(context, topic), [`${topic}:0:0`, `${topic}:1:200`], 'latest');
        equal(await offsetsOf(context, topic, -2), [`${topic}:0:0`, `${topic}:1:0`], 'earliest');
        const byMaximum = (await offsetsOf(context, topic, -3)).find((line) => line.startsWith(`${topic}:1:`));
        assert(byMaximum !== undefined && Number(byMaximum.split(':')[2]) < 200, `offset of the newest timestamp: ${byMaximum}`);
      },
    },
    {
      name: 'java: kafka-consumer-groups lists, describes, resets, deletes',
      core: true,
      deadlineMs: 300_000,
      async run(context) {
        const topic = await context.createTopic('java-groups', 1);
        const group = `${topic}-group`;
        const groups = (...args) => clientTool(context, 'kafka-consumer-groups', args);
        await kcatProduce(context, topic, { to: 100 });
        await javaConsume(context, topic, {
          count: 60,
          options: ['--group', group, '--from-beginning', '--command-property', 'max.poll.records=20'],
        });
        assert((await groups('--list')).stdout.split('\n').includes(group), 'the group is not listed');
        equal(await describeGroup(context, group), { 0: { current: '60', end: '100', lag: '40' } }, 'described group');
        await groups('--reset-offsets', '--group', group, '--topic', topic, '--to-offset', '25', '--execute');
        checkRecords(await javaConsume(context, topic, { count: 75, options: ['--group', group] }), { from: 25, to: 100, keys: true });
        await groups('--delete', '--group', group);
        assert(!(await groups('--list')).stdout.split('\n').includes(group), 'the group is still listed');
      },
    },
    {
      name: 'java: kafka-consumer-groups shows a live group, its members and state; refuses to delete it',
      short: false,
      deadlineMs: 300_000,
      async run(context) {
        const topic = await context.createTopic('java-live', 2);
        const group = `${topic}-group`;
        const groups = async (...args) => (await clientTool(context, 'kafka-consumer-groups', args)).stdout;
        await kcatProduce(context, topic, { to: 10 });
        const consuming = new AbortController();
        context.signal.addEventListener('abort', () => consuming.abort());
        const live = clientTool({ ...context, signal: consuming.signal }, 'kafka-console-consumer', [
          '--topic',
          topic,
          '--group',
          group,
          '--from-beginning',
        ]);
        live.catch(() => {});
        await until('the group is stable', async () => /Stable\s+1/.test(await groups('--describe', '--group', group, '--state')), {
          timeoutMs: 120_000,
          ...context,
        });
        const members = await groups('--describe', '--group', group, '--members', '--verbose');
        assert(
          members.includes('console-consumer-') && members.includes('/127.0.0.1') && members.includes(`${topic}`),
          `members: ${members}`,
        );
        const refused = await failingClientTool(context, 'kafka-consumer-groups', ['--delete', '--group', group]);
        assert(
          /not empty|NonEmptyGroup/i.test(refused.stdout + refused.stderr),
          `deleting a live group: ${refused.stdout}${refused.stderr}`,
        );
        assert(/Stable/.test(await groups('--list', '--state')), 'list --state shows no stable group');
        consuming.abort();
      },
    },
    {
      name: 'java: kafka-consumer-groups deletes offsets of a topic, resets by time and to the end',
      short: false,
      deadlineMs: 300_000,
      async run(context) {
        const topic = await context.createTopic('java-reset', 1);
        const group = `${topic}-group`;
        const groups = (...args) => clientTool(context, 'kafka-consumer-groups', ['--group', group, '--topic', topic, ...args]);
        await kcatProduce(context, topic, { to: 50 });
        await groups('--reset-offsets', '--to-latest', '--execute');
        equal(await describeGroup(context, group), { 0: { current: '50', end: '50', lag: '0' } }, 'to the end');
        await groups('--reset-offsets', '--to-datetime', '2020-01-01T00:00:00.000', '--execute');
        equal(await describeGroup(context, group), { 0: { current: '0', end: '50', lag: '50' } }, 'to a time before all');
        await groups('--reset-offsets', '--shift-by', '7', '--execute');
        equal(await describeGroup(context, group), { 0: { current: '7', end: '50', lag: '43' } }, 'by seven');
        const { stdout } = await groups('--delete-offsets');
        assert(/Request succeed/.test(stdout), stdout);
      },
    },
    {
      name: 'java: kafka-configs of a topic and of a broker',
      short: false,
      deadlineMs: 300_000,
      async run(context) {
        const topic = await context.createTopic('java-configs', 1);
        const configs = async (...args) => (await clientTool(context, 'kafka-configs', args)).stdout;
        const entity = ['--entity-type', 'topics', '--entity-name', topic];
        await configs('--alter', ...entity, '--add-config', 'retention.ms=7200000,max.message.bytes=2000000');
        let described = await configs('--describe', ...entity);
        assert(/retention\.ms=7200000/.test(described) && /max\.message\.bytes=2000000/.test(described), described);
        await configs('--alter', ...entity, '--delete-config', 'max.message.bytes');
        described = await configs('--describe', ...entity);
        assert(!/max\.message\.bytes=2000000/.test(described), described);
        assert(/segment\.bytes=1073741824/.test(await configs('--describe', ...entity, '--all')), 'describe --all lacks segment.bytes');
        const refused = await failingClientTool(context, 'kafka-configs', ['--alter', ...entity, '--add-config', 'retention.ms=soon']);
        assert(refused.status !== 0, 'a bad value was taken');
        const node = ['--entity-type', 'brokers', '--entity-name', '1'];
        assert(/log\.dirs=/.test(await configs('--describe', ...node, '--all')), 'the broker does not show log.dirs');
        await configs('--alter', ...node, '--add-config', 'log.retention.bytes=1000000000');
        assert(/log\.retention\.bytes=1000000000/.test(await configs('--describe', ...node)), 'the broker config was not taken');
        const everywhere = ['--entity-type', 'brokers', '--entity-default'];
        await configs('--alter', ...everywhere, '--add-config', 'log.retention.ms=86400000');
        assert(/log\.retention\.ms=86400000/.test(await configs('--describe', ...everywhere)), 'the default of all brokers was not taken');
        await configs('--alter', ...everywhere, '--delete-config', 'log.retention.ms');
        await configs('--alter', ...node, '--delete-config', 'log.retention.bytes');
      },
    },
    {
      name: 'java: kafka-delete-records',
      short: false,
      deadlineMs: 300_000,
      async run(context) {
        const topic = await context.createTopic('java-delete', 1);
        await kcatProduce(context, topic, { to: 100 });
        const file = join(context.dir, `${topic}.json`);
        writeFileSync(file, JSON.stringify({ version: 1, partitions: [{ topic, partition: 0, offset: 30 }] }));
        const { stdout } = await clientTool(context, 'kafka-delete-records', ['--offset-json-file', file]);
        assert(/low_watermark: 30/.test(stdout), stdout);
        equal(await offsetsOf(context, topic, -2), [`${topic}:0:30`], 'earliest');
        const options = ['--group', `${topic}-group`, '--from-beginning'];
        checkRecords(await javaConsume(context, topic, { count: 70, options }), { from: 30, to: 100, keys: true });
      },
    },
    {
      name: 'java: kafka-log-dirs',
      short: false,
      deadlineMs: 300_000,
      async run(context) {
        const topic = await context.createTopic('java-dirs', 2);
        await kcatProduce(context, topic, { to: 100 });
        const { stdout } = await clientTool(context, 'kafka-log-dirs', ['--describe', '--topic-list', topic]);
        const answer = JSON.parse(stdout.split('\n').find((line) => line.startsWith('{')));
        const partitions = answer.brokers.flatMap(({ logDirs }) => logDirs).flatMap((one) => one.partitions);
        equal(partitions.map(({ partition }) => partition).sort(), [`${topic}-0`, `${topic}-1`], 'partitions, each on one broker');
        assert(partitions.reduce((sum, { size }) => sum + size, 0) > 100 * 40, `sizes: ${stdout}`);
      },
    },
    {
      name: 'java: kafka-broker-api-versions',
      short: false,
      deadlineMs: 300_000,
      async run(context) {
        const { stdout } = await clientTool(context, 'kafka-broker-api-versions', []);
        equal([...stdout.matchAll(/^127\.0\.0\.1:\d+ \(id: \d+/gm)].length, context.nodes, 'brokers');
        for (const api of ['Produce(0)', 'Fetch(1)', 'Metadata(3)', 'JoinGroup(11)', 'CreateTopics(19)', 'InitProducerId(22)'])
          assert(new RegExp(`${api.replace(/[()]/g, '\\$&')}: .*usable: \\d+`).test(stdout), `${api} is not usable`);
      },
    },
    {
      name: 'java: kafka-cluster',
      short: false,
      deadlineMs: 300_000,
      async run(context) {
        const ask = async (what) =>
          (await kafkaTool(context, 'kafka-cluster', [what, '--bootstrap-server', context.broker.bootstrap])).stdout;
        assert(/Cluster ID: \S{22}/.test(await ask('cluster-id')), 'no cluster id');
        equal([...(await ask('list-endpoints')).matchAll(/^\d+\s+127\.0\.0\.1\s/gm)].length, context.nodes, 'end points');
      },
    },
    {
      name: 'java: kafka-producer-perf-test and kafka-consumer-perf-test',
      short: false,
      deadlineMs: 300_000,
      async run(context) {
        const topic = await context.createTopic('java-perf', 2);
        const count = 50_000;
        const load = ['--topic', topic, '--num-records', String(count), '--record-size', '200', '--throughput', '-1'];
        const produced = (await clientTool(context, 'kafka-producer-perf-test', load)).stdout;
        assert(produced.includes(`${count} records sent`), produced);
        const args = ['--topic', topic, '--num-records', String(count), '--group', `${topic}-group`, '--timeout', '30000'];
        const consumed = (await clientTool(context, 'kafka-consumer-perf-test', args)).stdout;
        const [header, row] = consumed
          .trim()
          .split('\n')
          .slice(-2)
          .map((line) => line.split(/,\s*/));
        const read = Number(row?.[header.findIndex((title) => /^(data|nRecs?|records?)\.consumed\.in\.(nMsg|nRecs|nRecords)/.test(title))]);
        equal(read, count, `records read, in ${consumed}`);
      },
    },
  ],
};
