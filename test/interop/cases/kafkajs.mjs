// kafkajs 2.2.4: the client that never sends a flexible request. Produce, groups, rebalance, admin, restarts.

import kafkajs from 'kafkajs';
import { checkRecords, keyOf, valueOf } from '../rig/payload.mjs';
import { until } from '../rig/processes.mjs';
import { assert, equal } from '../rig/suite.mjs';
import { openKafkajs } from '../rig/kafkajs-client.mjs';

const { CompressionTypes, ConfigResourceTypes } = kafkajs;

function messagesOf(from, to) {
  return Array.from({ length: to - from }, (_, i) => ({ key: keyOf(from + i), value: valueOf(from + i) }));
}

async function produce(context, topic, { from = 0, to, acks, compression, ...options }) {
  const producer = await openKafkajs(context).producer(options);
  // Several requests, so that a restart or an idempotent sequence has something to go wrong between.
  for (let at = from; at < to; at += 250)
    await producer.send({ topic, acks, compression, messages: messagesOf(at, Math.min(to, at + 250)) });
  await producer.disconnect();
}

/** A running member of a group. `records` grows; `assigned` is what the last rebalance gave to it. */
async function join(context, topic, group, { fromBeginning = true, assigners } = {}) {
  const consumer = openKafkajs(context).consumer({ groupId: group, partitionAssigners: assigners });
  const member = { consumer, records: [], assigned: [], joins: 0 };
  context.defer(() => consumer.disconnect());
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    member.joins++;
    member.assigned = payload.memberAssignment[topic] ?? [];
  });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning });
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      member.records.push({ partition, offset: Number(message.offset), key: message.key.toString(), value: message.value.toString() });
    },
  });
  return member;
}

/** Reads what is new for the group and commits it. */
async function drain(context, topic, group, count) {
  const member = await join(context, topic, group);
  await until(`${count} records are read`, () => member.records.length >= count, { signal: context.signal });
  const committed = new Map();
  for (const { partition, offset } of member.records) committed.set(partition, Math.max(offset + 1, committed.get(partition) ?? 0));
  await member.consumer.commitOffsets([...committed].map(([partition, offset]) => ({ topic, partition, offset: String(offset) })));
  await member.consumer.disconnect();
  return member.records;
}

async function restarts(context, topic, how) {
  const group = `${topic}-group`;
  // Idempotent: when one partition is not ready yet, kafkajs sends the others again too.
  const exactly = { idempotent: true, maxInFlightRequests: 1 };
  await produce(context, topic, { to: 1000, ...exactly });
  checkRecords(await drain(context, topic, group, 1000), { to: 1000, keys: true });
  await context.broker[how]();
  await context.broker.start();
  await produce(context, topic, { from: 1000, to: 1500, ...exactly });
  checkRecords(await drain(context, topic, group, 500), { from: 1000, to: 1500, keys: true });
}

export const kafkajsGroup = {
  name: 'kafkajs',
  prepare: () => {},
  cases: [
    ...[0, 1, -1].map((acks) => ({
      name: `kafkajs: produce with acks=${acks} and consume in a group`,
      core: acks === -1,
      async run(context) {
        const topic = await context.createTopic(`js-acks${acks}`, 3);
        await produce(context, topic, { to: 2000, acks });
        checkRecords(await drain(context, topic, `${topic}-group`, 2000), { to: 2000, keys: true });
      },
    })),
    {
      name: 'kafkajs: gzip',
      async run(context) {
        const topic = await context.createTopic('js-gzip', 2);
        await produce(context, topic, { to: 2000, compression: CompressionTypes.GZIP });
        checkRecords(await drain(context, topic, `${topic}-group`, 2000), { to: 2000, keys: true });
      },
    },
    {
      name: 'kafkajs: idempotent producer',
      core: true,
      async run(context) {
        const topic = await context.createTopic('js-idempotent', 2);
        await produce(context, topic, { to: 2000, idempotent: true, maxInFlightRequests: 1 });
        checkRecords(await drain(context, topic, `${topic}-group`, 2000), { to: 2000, keys: true });
      },
    },
    {
      name: 'kafkajs: automatic topic creation',
      async run(context) {
        const topic = context.topicName('js-auto');
        await produce(context, topic, { to: 10, allowAutoTopicCreation: true });
        checkRecords(await drain(context, topic, `${topic}-group`, 10), { to: 10, keys: true });
      },
    },
    {
      name: 'kafkajs: two members share, and the one that stays takes over',
      core: true,
      deadlineMs: 300_000,
      async run(context) {
        const topic = await context.createTopic('js-rebalance', 4);
        const group = `${topic}-group`;
        await produce(context, topic, { to: 400 });
        const first = await join(context, topic, group);
        await until('the first member has all partitions', () => first.assigned.length === 4, context);
        await until('it has read all', () => first.records.length >= 400, context);
        const second = await join(context, topic, group);
        await until('both members have two', () => first.assigned.length === 2 && second.assigned.length === 2, {
          timeoutMs: 120_000,
          signal: context.signal,
        });
        equal([...first.assigned, ...second.assigned].sort(), [0, 1, 2, 3], 'partitions of both');
        const described = (await openKafkajs(context).withAdmin((admin) => admin.describeGroups([group]))).groups[0];
        equal([described.state, described.protocolType, described.members.length], ['Stable', 'consumer', 2], 'the described group');
        const before = first.records.length + second.records.length;
        await produce(context, topic, { from: 400, to: 800 });
        await until('both read what is new', () => first.records.length + second.records.length >= before + 400, context);
        assert(second.records.length > 0, 'the second member read nothing');
        await second.consumer.disconnect();
        await until('the first member has all again', () => first.assigned.length === 4, { timeoutMs: 120_000, signal: context.signal });
        await produce(context, topic, { from: 800, to: 1000 });
        const read = () => [...first.records, ...second.records];
        await until('the rest is read', () => read().length >= before + 600, context);
        // A rebalance may deliver again what was not yet committed, but must not lose anything.
        const unique = new Map(read().map((one) => [`${one.partition}:${one.offset}`, one]));
        checkRecords(
          [...unique.values()].sort((a, b) => a.partition - b.partition || a.offset - b.offset),
          { to: 1000, keys: true },
        );
      },
    },
    {
      name: 'kafkajs: a group goes on from its commits after a clean restart of the broker',
      core: true,
      deadlineMs: 300_000,
      run: async (context) => restarts(context, await context.createTopic('js-restart', 3), 'stop'),
    },
    {
      name: 'kafkajs: a group goes on from its commits after kill -9 of the broker',
      core: true,
      deadlineMs: 300_000,
      run: async (context) => restarts(context, await context.createTopic('js-kill', 3), 'kill'),
    },
    {
      name: 'kafkajs: running producer and consumer live through a restart of the broker',
      deadlineMs: 300_000,
      async run(context) {
        const topic = await context.createTopic('js-through', 2);
        const member = await join(context, topic, `${topic}-group`);
        const producer = await openKafkajs(context).producer({ idempotent: true, maxInFlightRequests: 1 });
        await producer.send({ topic, messages: messagesOf(0, 200) });
        await until('the first part is read', () => member.records.length >= 200, context);
        await context.broker.stop();
        const sending = producer.send({ topic, messages: messagesOf(200, 400) });
        await context.broker.start();
        await sending;
        await producer.disconnect();
        const unique = () => new Map(member.records.map((one) => [`${one.partition}:${one.offset}`, one]));
        await until('the second part is read', () => unique().size >= 400, { timeoutMs: 120_000, signal: context.signal });
        checkRecords([...unique().values()], { to: 400, keys: true });
      },
    },
    {
      name: 'kafkajs: admin of topics',
      core: true,
      async run(context) {
        const topic = context.topicName('js-admin');
        await openKafkajs(context).withAdmin(async (admin) => {
          assert(
            await admin.createTopics({ topics: [{ topic, numPartitions: 2, replicationFactor: 1 }] }),
            'createTopics says the topic was there',
          );
          assert(!(await admin.createTopics({ topics: [{ topic, numPartitions: 2 }] })), 'a second createTopics says it made the topic');
          assert((await admin.listTopics()).includes(topic), 'listTopics lacks the topic');
          await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] });
          const metadata = await until(
            'all five partitions are visible',
            async () => {
              const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
              return topics[0].partitions.length === 5 && topics[0];
            },
            context,
          );
          equal(metadata.partitions.map(({ partitionId }) => partitionId).sort(), [0, 1, 2, 3, 4], 'partitions');
          const cluster = await admin.describeCluster();
          equal(cluster.brokers.length, context.nodes, 'brokers');
          assert(cluster.clusterId.length === 22, `cluster id ${cluster.clusterId}`);
          await admin.deleteTopics({ topics: [topic] });
          await until('the topic is gone', async () => !(await admin.listTopics()).includes(topic), context);
        });
      },
    },
    {
      name: 'kafkajs: admin of offsets and records',
      async run(context) {
        const topic = await context.createTopic('js-offsets', 2);
        const producer = await openKafkajs(context).producer();
        const between = [];
        for (const part of [0, 1]) {
          await producer.send({ topic, messages: messagesOf(part * 50, part * 50 + 50).map((one) => ({ ...one, partition: 0 })) });
          between.push(Date.now());
          while (Date.now() <= between.at(-1) + 1) await new Promise((done) => setTimeout(done, 1));
        }
        await openKafkajs(context).withAdmin(async (admin) => {
          const offsets = async () => (await admin.fetchTopicOffsets(topic)).sort((a, b) => a.partition - b.partition);
          equal(
            await offsets(),
            [
              { partition: 0, offset: '100', high: '100', low: '0' },
              { partition: 1, offset: '0', high: '0', low: '0' },
            ],
            'offsets',
          );
          const byTime = await admin.fetchTopicOffsetsByTimestamp(topic, between[0] + 1);
          equal(byTime.find(({ partition }) => partition === 0).offset, '50', 'offset by time');
          await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '40' }] });
          equal((await offsets())[0], { partition: 0, offset: '100', high: '100', low: '40' }, 'offsets after deleting records');
          const groupId = `${topic}-group`;
          await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '70' }] });
          const fetched = await admin.fetchOffsets({ groupId, topics: [topic] });
          equal(fetched[0].partitions.find(({ partition }) => partition === 0).offset, '70', 'committed offset');
          await admin.resetOffsets({ groupId, topic, earliest: true });
        });
        checkRecords(await drain(context, topic, `${topic}-group`, 60), { from: 40, to: 100 });
      },
    },
    {
      name: 'kafkajs: admin of configs',
      async run(context) {
        const topic = await context.createTopic('js-configs', 1, { 'retention.ms': '3600000' });
        await openKafkajs(context).withAdmin(async (admin) => {
          const resource = { type: ConfigResourceTypes.TOPIC, name: topic };
          const read = async () => {
            const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [resource] });
            return Object.fromEntries(resources[0].configEntries.map(({ configName, configValue }) => [configName, configValue]));
          };
          equal((await read())['retention.ms'], '3600000', 'retention.ms as created');
          // The old AlterConfigs: it replaces all, so that what is not named goes back to its default.
          await admin.alterConfigs({
            validateOnly: false,
            resources: [{ ...resource, configEntries: [{ name: 'segment.ms', value: '7200000' }] }],
          });
          const after = await read();
          equal([after['segment.ms'], after['retention.ms']], ['7200000', '604800000'], 'after alterConfigs');
          const refused = await admin
            .alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries: [{ name: 'retention.ms', value: 'soon' }] }] })
            .then(
              () => undefined,
              (error) => error,
            );
          equal(refused?.type, 'INVALID_CONFIG', 'the error for a bad value');
          const nodeId = (await admin.describeCluster()).brokers[0].nodeId;
          const { resources } = await admin.describeConfigs({
            includeSynonyms: true,
            resources: [{ type: ConfigResourceTypes.BROKER, name: String(nodeId), configNames: ['log.retention.hours', 'num.partitions'] }],
          });
          equal(
            resources[0].configEntries.map(({ configName }) => configName).sort(),
            ['log.retention.hours', 'num.partitions'],
            'broker configs',
          );
        });
      },
    },
    {
      name: 'kafkajs: admin of groups',
      async run(context) {
        const topic = await context.createTopic('js-groups', 1);
        const groupId = `${topic}-group`;
        await produce(context, topic, { to: 10 });
        await drain(context, topic, groupId, 10);
        await openKafkajs(context).withAdmin(async (admin) => {
          const listed = (await admin.listGroups()).groups.find((one) => one.groupId === groupId);
          equal(listed, { groupId, protocolType: 'consumer' }, 'listed group');
          const [described] = (await admin.describeGroups([groupId])).groups;
          equal([described.state, described.members.length], ['Empty', 0], 'described group');
          const [unknown] = (await admin.describeGroups([`${groupId}-unknown`])).groups;
          equal(unknown.state, 'Dead', 'state of an unknown group');
          equal((await admin.deleteGroups([groupId]))[0].errorCode, 0, 'deleteGroups');
          assert(!(await admin.listGroups()).groups.some((one) => one.groupId === groupId), 'the group is still listed');
          const refused = await admin.deleteGroups([groupId]).then(
            () => undefined,
            (error) => error,
          );
          equal(refused?.groups?.[0]?.errorCode, 69, 'deleting an unknown group');
        });
      },
    },
  ],
};
