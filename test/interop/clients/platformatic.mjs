// @platformatic/kafka as a program of the interop rig: almost only flexible request versions. It is copied beside the
// installed package and run by a Node that is new enough for it.
//
//   produce BOOTSTRAP TOPIC CODEC IDEMPOTENT   records as key<TAB>value lines on stdin
//   consume BOOTSTRAP TOPIC GROUP COUNT        prints partition<TAB>offset<TAB>key<TAB>value, commits, leaves
//   admin BOOTSTRAP TOPIC                      creates the topic and tries everything an admin does

import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import {
  Admin,
  ConfigResourceTypes,
  Consumer,
  IncrementalAlterConfigOperationTypes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka';

const [verb, bootstrap, topic, ...rest] = process.argv.slice(2);
const base = { clientId: 'platformatic', bootstrapBrokers: [bootstrap], retries: 20, retryDelay: 100 };

async function produce([codec, idempotent]) {
  const messages = (await text(process.stdin))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const tab = line.indexOf('\t');
      return { topic, key: line.slice(0, tab), value: line.slice(tab + 1) };
    });
  const producer = new Producer({ ...base, serializers: stringSerializers, idempotent: idempotent === 'true', compression: codec });
  for (let at = 0; at < messages.length; at += 250) await producer.send({ messages: messages.slice(at, at + 250), acks: -1 });
  await producer.close();
}

async function consume([groupId, count]) {
  const consumer = new Consumer({
    ...base,
    groupId,
    deserializers: stringDeserializers,
    sessionTimeout: 30_000,
    heartbeatInterval: 500,
    maxWaitTime: 300,
  });
  const stream = await consumer.consume({ topics: [topic], autocommit: false, mode: 'committed', fallbackMode: 'earliest' });
  let out = '';
  let left = Number(count);
  const last = new Map();
  for await (const message of stream) {
    out += `${message.partition}\t${message.offset}\t${message.key}\t${message.value}\n`;
    last.set(message.partition, message);
    if (--left === 0) break;
  }
  const offsets = [...last].map(([partition, { offset, leaderEpoch }]) => ({
    topic,
    partition,
    offset: offset + 1n,
    leaderEpoch: leaderEpoch ?? 0,
  }));
  await consumer.commit({ offsets });
  await consumer.close(true);
  await new Promise((done) => process.stdout.write(out, done));
}

async function admin() {
  const client = new Admin(base);
  const [created] = await client.createTopics({
    topics: [topic],
    partitions: 2,
    replicas: 1,
    configs: [{ name: 'retention.ms', value: '3600000' }],
  });
  assert.equal(created.partitions, 2);
  assert.equal(created.configuration['retention.ms'], '3600000');
  assert.ok((await client.listTopics()).includes(topic));
  await client.createPartitions({ topics: [{ name: topic, count: 3, assignments: null }], validateOnly: false });
  const metadata = await client.metadata({ topics: [topic], forceUpdate: true });
  assert.equal(metadata.topics.get(topic).partitionsCount, 3);

  const producer = new Producer({ ...base, serializers: stringSerializers });
  await producer.send({ messages: Array.from({ length: 30 }, (_, i) => ({ topic, partition: 1, value: `value ${i}` })), acks: -1 });
  await producer.close();
  const partition = (timestamp) => ({ topics: [{ name: topic, partitions: [{ partitionIndex: 1, timestamp }] }] });
  assert.equal((await client.listOffsets(partition(-1n)))[0].partitions[0].offset, 30n);
  await client.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 1, offset: 10n }] }] });
  assert.equal((await client.listOffsets(partition(-2n)))[0].partitions[0].offset, 10n);

  const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: topic };
  const set = { configOperation: IncrementalAlterConfigOperationTypes.SET, name: 'segment.ms', value: '7200000' };
  await client.incrementalAlterConfigs({ resources: [{ ...resource, configs: [set] }], validateOnly: false });
  const [{ configs }] = await client.describeConfigs({ resources: [resource], includeSynonyms: true, includeDocumentation: true });
  const value = (name) => configs.find((one) => one.name === name)?.value;
  assert.deepEqual([value('segment.ms'), value('retention.ms')], ['7200000', '3600000']);

  const groupId = `${topic}-group`;
  await client.alterConsumerGroupOffsets({ groupId, topics: [{ name: topic, partitionOffsets: [{ partition: 1, offset: 17n }] }] });
  const [offsets] = await client.listConsumerGroupOffsets({ groups: [groupId] });
  assert.equal(offsets.topics[0].partitions.find(({ partitionIndex }) => partitionIndex === 1).committedOffset, 17n);
  assert.ok((await client.listGroups()).has(groupId));
  assert.ok(['EMPTY', 'Empty'].includes((await client.describeGroups({ groups: [groupId] })).get(groupId).state));
  await client.deleteConsumerGroupOffsets({ groupId, topics: [{ name: topic, partitionIndexes: [1] }] });
  await client.deleteGroups({ groups: [groupId] });
  assert.ok(!(await client.listGroups()).has(groupId));

  const dirs = await client.describeLogDirs({ topics: [{ name: topic, partitions: [0, 1, 2] }] });
  const found = dirs
    .flatMap(({ results }) => results)
    .flatMap(({ topics }) => topics)
    .flatMap(({ partitions }) => partitions);
  assert.equal(found.length, 3);
  await client.deleteTopics({ topics: [topic] });
  assert.ok(!(await client.listTopics()).includes(topic));
  await client.close();
}

await { produce, consume, admin }[verb](rest);
process.exit();
