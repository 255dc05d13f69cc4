// open(): what it refuses, what it makes, and administration by the broker's own operations.

import { describe, expect, test } from 'vitest';
import { open } from '../../src/embed/open.ts';
import { Acks } from '../../src/engine/broker/log-access.ts';
import { buildBatch } from '../../src/engine/record/batch-builder.ts';
import { KINDS, useTemporaryLogs } from './temporary-log.ts';

const logs = useTemporaryLogs();
const batch = () => buildBatch([{ key: null, value: Buffer.from('x') }], { timestampMs: Date.now() });

describe('open', () => {
  test('refuses what it cannot do, and says why', async () => {
    await expect(open({ dir: '' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    const dir = logs.directory();
    await expect(open({ dir, config: { 'log.segment.bytes': 'many' } })).rejects.toThrow(/log\.segment\.bytes=many/);
    await expect(open({ dir, inFlightBytes: 1 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(open({ dir, shards: 0, kafka: { host: '0.0.0.0', port: 0 } })).rejects.toThrow(/other machines/);
    await expect(open({ dir, shards: 0, signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    await expect(logs.open(KINDS[0], { dir, topics: { 'not a name': 1 } })).rejects.toMatchObject({ code: 'INVALID_TOPIC_EXCEPTION' });
    // The failed opens have let go of it.
    await logs.open(KINDS[0], { dir });
  });

  test.each(KINDS)('one process owns a directory, also against itself: $name', async (kind) => {
    const dir = logs.directory();
    const log = await logs.open(kind, { dir });
    await expect(logs.open(kind, { dir })).rejects.toMatchObject({
      code: 'DIRECTORY_LOCKED',
      message: expect.stringMatching(/Kafka port/),
    });
    expect(log.brokers).toEqual([]);
    await log.close();
    await logs.open(kind, { dir });
  });

  test('topics that exist stay as they are', async () => {
    const dir = logs.directory();
    const first = await logs.open(KINDS[0], { dir, topics: { t: { partitions: 2, configs: { 'retention.ms': 5000 } } } });
    await first.close();
    const second = await logs.open(KINDS[0], { dir, topics: { t: 7, u: 1 } });
    expect(second.admin.describeTopic('t')).toMatchObject({ partitions: 2, configs: { 'retention.ms': '5000' } });
    expect(second.admin.listTopics().map(({ name }) => name)).toEqual(['t', 'u']);
  });
});

describe.each(KINDS.slice(0, 2))('admin $name', (kind) => {
  test('topics, partitions and configs', async () => {
    const { admin } = await logs.open(kind, { topics: { t: 1 } });
    await expect(admin.createTopic('t')).rejects.toMatchObject({ code: 'TOPIC_ALREADY_EXISTS' });
    await admin.createPartitions('t', 3);
    expect(admin.describeTopic('t').partitions).toBe(3);
    await expect(admin.createPartitions('t', 2)).rejects.toMatchObject({ code: 'INVALID_PARTITIONS' });
    await admin.alterTopicConfigs('t', { 'retention.ms': 1000 });
    const configs = await admin.describeTopicConfigs('t');
    expect(configs.find(({ name }) => name === 'retention.ms')).toMatchObject({ value: '1000', overridden: true });
    expect(configs.find(({ name }) => name === 'cleanup.policy')).toMatchObject({ value: 'delete', overridden: false });
    await admin.alterTopicConfigs('t', { 'retention.ms': null });
    expect(admin.describeTopic('t').configs).toEqual({});
    await expect(admin.alterTopicConfigs('t', { 'retention.ms': 'x' })).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
    await admin.deleteTopic('t');
    expect(() => admin.describeTopic('t')).toThrow(/no topic t/);
    await expect(admin.deleteTopic('t')).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' });
  });

  test('offsets and records', async () => {
    const { admin, access } = await logs.open(kind, { topics: { t: 2 } });
    for (let i = 0; i < 5; i++) await access.produce('t', 1, batch(), Acks.LEADER);
    expect((await admin.offsets('t', 'latest')).map(({ offset }) => offset)).toEqual([0, 5]);
    expect(await admin.deleteRecords('t', 1, 3)).toBe(3);
    expect((await admin.offsets('t', 'earliest')).map(({ offset }) => offset)).toEqual([0, 3]);
    expect((await admin.offsets('t', { timestamp: Date.now() + 60_000 })).map(({ offset }) => offset)).toEqual([-1, -1]);
    await expect(admin.deleteRecords('t', 1, 9)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' });
    expect(await admin.deleteRecords('t', 1, 'latest')).toBe(5);
    const dirs = await admin.describeLogDirs();
    expect(dirs.find(({ topic, partition }) => topic === 't' && partition === 1)).toMatchObject({ endOffset: 5 });
  });

  test('groups and their offsets', async () => {
    const { admin } = await logs.open(kind, { topics: { t: 2 } });
    expect(await admin.listGroups()).toEqual([]);
    await expect(admin.describeGroup('g')).rejects.toMatchObject({ code: 'GROUP_ID_NOT_FOUND' });
    await admin.setGroupOffsets('g', [
      { topic: 't', partition: 0, offset: 4 },
      { topic: 't', partition: 1, offset: 2 },
    ]);
    expect((await admin.groupOffsets('g')).map(({ partition, offset }) => [partition, offset])).toEqual([
      [0, 4],
      [1, 2],
    ]);
    expect(await admin.listGroups()).toMatchObject([{ groupId: 'g', state: 'Empty' }]);
    await admin.deleteGroup('g');
    expect(await admin.listGroups()).toEqual([]);
  });
});
