// CreateTopics, CreatePartitions, DeleteTopics, and topics that come to be by themselves.

import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../../src/engine/base/error-code.ts';
import { ZERO_UUID } from '../../../src/engine/base/uuid.ts';
import { DIRECTORIES, create, openController, single, topicOf } from './controller-fixture.ts';
import type { Controller } from '../../../src/engine/metadata/controller.ts';
import type { CreatableTopic } from '../../../src/engine/metadata/controller-requests.ts';

const shardsOf = (controller: Controller, name: string) => controller.image.topic(name)?.partitions.map(({ shard }) => shard);

describe('createTopics', () => {
  it('creates what is asked, with defaults for what is not', async () => {
    const { controller } = await openController({ settings: { 'num.partitions': '3' } });
    const configs = [{ name: 'retention.ms', value: ' 60000 ' }];
    const [a, b] = await create(controller, topicOf('a'), topicOf('b', { partitionCount: 2, replicationFactor: 1, configs }));
    expect(a).toMatchObject({ name: 'a', errorCode: 0, errorMessage: null, partitionCount: 3, replicationFactor: 1 });
    expect(b).toMatchObject({ partitionCount: 2, replicationFactor: 1 });
    expect(b!.configs.find(({ name }) => name === 'retention.ms')).toMatchObject({ source: 1, readOnly: false, isSensitive: false });
    expect(a!.configs.find(({ name }) => name === 'retention.ms')).toMatchObject({ value: '604800000', source: 5 });
    const image = controller.image;
    expect(image.topicById(a!.topicId)?.name).toBe('a');
    expect(a!.topicId).not.toBe(b!.topicId);
    expect(image.topic('a')?.internal).toBe(false);
    expect(image.topic('b')?.configs).toEqual({ 'retention.ms': '60000' });
    expect(image.partition('a', 0)).toMatchObject({ leaderEpoch: 0, shard: 0, leaderNodeId: 10, replicas: [10], isr: [10], logDir: '/a' });
    expect(image.partition('a', 1)).toMatchObject({ shard: 1, leaderNodeId: 11, logDir: '/b' });
    // Three and two partitions over two shards and two directories.
    expect([...shardsOf(controller, 'a')!, ...shardsOf(controller, 'b')!].filter((shard) => shard === 0).length).toBeLessThanOrEqual(3);
  });

  it('changes nothing when it only validates', async () => {
    const { controller } = await openController();
    const before = controller.image;
    const results = await controller.createTopics({ topics: [topicOf('a', { partitionCount: 4 }), topicOf('..')], validateOnly: true });
    expect(results[0]).toMatchObject({ errorCode: 0, partitionCount: 4, topicId: ZERO_UUID });
    expect(results[1]).toMatchObject({ errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION });
    expect(controller.image).toBe(before);
  });

  it('follows a manual assignment', async () => {
    const { controller } = await openController();
    const assignments = [
      { partitionIndex: 1, nodeIds: [10] },
      { partitionIndex: 0, nodeIds: [11] },
      { partitionIndex: 2, nodeIds: [11] },
    ];
    const [result] = await create(controller, topicOf('a', { assignments }));
    expect(result).toMatchObject({ errorCode: 0, partitionCount: 3 });
    expect(shardsOf(controller, 'a')).toEqual([1, 0, 1]);
  });

  it('spreads over the shards where one node speaks for all', async () => {
    const { controller } = await openController({ registration: single(3) });
    const assignments = [0, 1, 2].map((partitionIndex) => ({ partitionIndex, nodeIds: [10] }));
    await create(controller, topicOf('a', { assignments }), topicOf('b', { partitionCount: 3 }));
    expect([...shardsOf(controller, 'a')!].toSorted()).toEqual([0, 1, 2]);
    expect([...shardsOf(controller, 'b')!].toSorted()).toEqual([0, 1, 2]);
    expect(controller.image.topic('b')!.partitions.every(({ leaderNodeId }) => leaderNodeId === 10)).toBe(true);
  });

  const at = (...nodeIds: number[]) => ({ assignments: [{ partitionIndex: 0, nodeIds }] });
  const config = (name: string, value: string | null) => ({ configs: [{ name, value }] });
  it.each<[string, Partial<CreatableTopic>, number, string]>([
    ['', {}, ErrorCode.INVALID_TOPIC_EXCEPTION, 'at least 1 character'],
    ['a b', {}, ErrorCode.INVALID_TOPIC_EXCEPTION, 'is made of'],
    ['x'.repeat(250), {}, ErrorCode.INVALID_TOPIC_EXCEPTION, 'at most 249'],
    ['there', {}, ErrorCode.TOPIC_ALREADY_EXISTS, "Topic 'there' already exists."],
    ['is_here', {}, ErrorCode.INVALID_TOPIC_EXCEPTION, "existing topic 'is.here'"],
    ['__cluster_metadata', {}, ErrorCode.INVALID_REQUEST, 'keeps for itself'],
    ['n', { partitionCount: 0 }, ErrorCode.INVALID_PARTITIONS, 'at least 1 partition'],
    ['n', { partitionCount: -2 }, ErrorCode.INVALID_PARTITIONS, 'at least 1 partition'],
    ['n', { partitionCount: 10_001 }, ErrorCode.POLICY_VIOLATION, 'at most 10000'],
    ['n', { replicationFactor: 0 }, ErrorCode.INVALID_REPLICATION_FACTOR, 'at least 1 copy'],
    ['n', { replicationFactor: 2 }, ErrorCode.INVALID_REPLICATION_FACTOR, 'The 2 nodes are shards of one process'],
    ['n', { ...at(10), partitionCount: 1 }, ErrorCode.INVALID_REQUEST, 'are -1'],
    ['n', { ...at(10), replicationFactor: 1 }, ErrorCode.INVALID_REQUEST, 'are -1'],
    ['n', at(12), ErrorCode.INVALID_REPLICA_ASSIGNMENT, 'there is no node 12; nodes are 10, 11'],
    ['n', at(10, 11), ErrorCode.INVALID_REPLICA_ASSIGNMENT, 'names 2 nodes'],
    ['n', at(), ErrorCode.INVALID_REPLICA_ASSIGNMENT, 'names 0 nodes'],
    ['n', { assignments: [{ partitionIndex: 1, nodeIds: [10] }] }, ErrorCode.INVALID_REPLICA_ASSIGNMENT, 'each partition from 0 once'],
    [
      'n',
      { assignments: [...at(10).assignments, ...at(11).assignments] },
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      'each partition from 0 once',
    ],
    ['n', config('retention.ms', 'x'), ErrorCode.INVALID_CONFIG, 'retention.ms=x'],
    ['n', config('retention', '1'), ErrorCode.INVALID_CONFIG, 'is not a topic config'],
    ['n', config('retention.ms', null), ErrorCode.INVALID_CONFIG, 'has no value'],
    [
      'n',
      { configs: [...config('retention.ms', '1').configs, ...config('retention.ms', '2').configs] },
      ErrorCode.INVALID_CONFIG,
      'given twice',
    ],
  ])('refuses %s %j', async (name, more, errorCode, message) => {
    const { controller } = await openController();
    await create(controller, topicOf('there'), topicOf('is.here'));
    const before = controller.image;
    const [refused, other] = await create(controller, topicOf(name, more), topicOf('other'));
    expect(refused).toMatchObject({ name, errorCode, topicId: ZERO_UUID, partitionCount: -1, replicationFactor: -1, configs: [] });
    expect(refused!.errorMessage).toContain(message);
    expect(other).toMatchObject({ errorCode: 0 });
    expect(controller.image.topicsByName.size).toBe(before.topicsByName.size + 1);
  });

  it('refuses a topic named twice, and two that collide', async () => {
    const { controller } = await openController();
    const results = await create(controller, topicOf('a'), topicOf('a'), topicOf('b.c'), topicOf('b_c'));
    expect(results.map(({ errorCode }) => errorCode)).toEqual([
      ErrorCode.INVALID_REQUEST,
      ErrorCode.INVALID_REQUEST,
      ErrorCode.NONE,
      ErrorCode.INVALID_TOPIC_EXCEPTION,
    ]);
  });

  it('fills up the shards and directories that have fewer', async () => {
    const { controller, store } = await openController({ directories: [DIRECTORIES[0]!] });
    await create(controller, topicOf('a', { assignments: [0, 1, 2].map((partitionIndex) => ({ partitionIndex, nodeIds: [10] })) }));
    const { controller: later } = await openController({ store });
    for (const name of ['b', 'c', 'd']) await create(later, topicOf(name));
    const added = ['b', 'c', 'd'].map((name) => later.image.partition(name, 0)!);
    expect(added.map(({ shard, logDir }) => [shard, logDir])).toEqual([
      [1, '/b'],
      [1, '/b'],
      [1, '/b'],
    ]);
  });

  it('counts the partitions of all topics of a request', async () => {
    const { controller } = await openController();
    const topics = ['a', 'b', 'c'].map((name) => topicOf(name, { partitionCount: 5_000 }));
    const results = await controller.createTopics({ topics, validateOnly: true });
    expect(results.map(({ errorCode }) => errorCode)).toEqual([0, 0, ErrorCode.POLICY_VIOLATION]);
    await create(controller, topicOf('a'), topicOf('b'), topicOf('c'));
    const grown = ['a', 'b', 'c'].map((name) => ({ name, count: 5_001, assignments: null }));
    const more = await controller.createPartitions({ topics: grown, validateOnly: true });
    expect(more.map(({ errorCode }) => errorCode)).toEqual([0, 0, ErrorCode.POLICY_VIOLATION]);
  });

  it('weighs the topics of one request on the ones after', async () => {
    const { controller } = await openController({ registration: single(4) });
    await create(controller, topicOf('a'), topicOf('b'), topicOf('c'), topicOf('d'));
    expect(['a', 'b', 'c', 'd'].flatMap((name) => shardsOf(controller, name)!).toSorted()).toEqual([0, 1, 2, 3]);
  });
});

describe('topics that come to be by themselves', () => {
  it('have the defaults of the broker, and are there once', async () => {
    const { controller } = await openController({ settings: { 'num.partitions': '2', 'default.replication.factor': '3' } });
    const [first] = await controller.autoCreateTopics(['a', 'a']);
    expect(first).toMatchObject({ errorCode: 0, partitionCount: 2, replicationFactor: 1 });
    const [again, bad] = await controller.autoCreateTopics(['a', 'b/c']);
    expect(again).toMatchObject({ errorCode: 0, topicId: first!.topicId });
    expect(bad).toMatchObject({ errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION });
  });

  it('do not where that is off', async () => {
    const { controller } = await openController({ settings: { 'auto.create.topics.enable': 'false' } });
    expect(await controller.autoCreateTopics(['a'])).toMatchObject([{ errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION }]);
    expect(controller.image.topicsByName.size).toBe(0);
  });

  it('follow a default that was changed while running', async () => {
    const { controller } = await openController();
    const configs = [{ name: 'num.partitions', operation: 0, value: '5' }];
    await controller.incrementalAlterConfigs({ resources: [{ type: 4, name: '', configs }], validateOnly: false });
    expect(await controller.autoCreateTopics(['a'])).toMatchObject([{ partitionCount: 5 }]);
  });

  it('are internal when a coordinator owns them', async () => {
    const { controller } = await openController({ settings: { 'offsets.topic.num.partitions': '4' } });
    const [one, two] = await Promise.all([
      controller.ensureInternalTopic('__consumer_offsets'),
      controller.ensureInternalTopic('__consumer_offsets'),
    ]);
    expect(one).toMatchObject({ errorCode: 0, partitionCount: 4 });
    expect(two.topicId).toBe(one.topicId);
    const topic = controller.image.topic('__consumer_offsets')!;
    expect(topic.internal).toBe(true);
    expect(topic.configs).toEqual({ 'cleanup.policy': 'compact', 'compression.type': 'producer', 'segment.bytes': '104857600' });
    expect(await controller.ensureInternalTopic('mine')).toMatchObject({ errorCode: ErrorCode.INVALID_REQUEST });
  });
});

describe('createPartitions', () => {
  it('adds partitions and leaves the old ones as they are', async () => {
    const { controller } = await openController();
    await create(controller, topicOf('a', { partitionCount: 2 }));
    const before = controller.image.topic('a')!;
    const topics = [{ name: 'a', count: 5, assignments: [[11], [11], [10]] }];
    expect(await controller.createPartitions({ topics, validateOnly: true })).toEqual([{ name: 'a', errorCode: 0, errorMessage: null }]);
    expect(controller.image.topic('a')).toBe(before);
    await controller.createPartitions({ topics, validateOnly: false });
    const after = controller.image.topic('a')!;
    expect(after.id).toBe(before.id);
    expect(after.partitions.slice(0, 2)).toEqual(before.partitions);
    expect(after.partitions.slice(2).map(({ index, shard, leaderEpoch }) => [index, shard, leaderEpoch])).toEqual([
      [2, 1, 0],
      [3, 1, 0],
      [4, 0, 0],
    ]);
  });

  it.each([
    ['b', 2, null, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, 'no topic'],
    ['a', 2, null, ErrorCode.INVALID_PARTITIONS, 'has 2 partitions already'],
    ['a', 1, null, ErrorCode.INVALID_PARTITIONS, 'can only grow'],
    ['a', -1, null, ErrorCode.INVALID_PARTITIONS, 'can only grow'],
    ['a', 10_003, null, ErrorCode.POLICY_VIOLATION, 'at most 10000'],
    ['a', 4, [[10]], ErrorCode.INVALID_REPLICA_ASSIGNMENT, 'is for 1 partitions, and 2 are new'],
    ['a', 3, [[12]], ErrorCode.INVALID_REPLICA_ASSIGNMENT, 'no node 12'],
    ['a', 3, [[10, 11]], ErrorCode.INVALID_REPLICA_ASSIGNMENT, '2 nodes'],
  ])('refuses %s %i %j', async (name, count, assignments, errorCode, message) => {
    const { controller } = await openController();
    await create(controller, topicOf('a', { partitionCount: 2 }));
    const [result] = await controller.createPartitions({ topics: [{ name, count, assignments }], validateOnly: false });
    expect(result).toMatchObject({ name, errorCode });
    expect(result!.errorMessage).toContain(message);
    expect(controller.image.topic('a')!.partitions.length).toBe(2);
  });
});

describe('deleteTopics', () => {
  it('deletes by name and by id', async () => {
    const { controller } = await openController();
    const [a, b] = await create(controller, topicOf('a'), topicOf('b'), topicOf('c'));
    const topics = [
      { name: 'a', topicId: ZERO_UUID },
      { name: null, topicId: b!.topicId },
    ];
    expect(await controller.deleteTopics({ topics })).toEqual([
      { name: 'a', topicId: a!.topicId, errorCode: 0, errorMessage: null },
      { name: 'b', topicId: b!.topicId, errorCode: 0, errorMessage: null },
    ]);
    expect([...controller.image.topicsByName.keys()]).toEqual(['c']);
    expect(controller.image.topicById(a!.topicId)).toBeUndefined();
    const [again] = await create(controller, topicOf('a'));
    expect(again!.topicId).not.toBe(a!.topicId);
  });

  it('refuses what it cannot', async () => {
    const { controller } = await openController();
    const [a] = await create(controller, topicOf('a'));
    const codes = async (...topics: { name: string | null; topicId: string }[]) =>
      (await controller.deleteTopics({ topics })).map(({ errorCode }) => errorCode);
    expect(await codes({ name: 'x', topicId: ZERO_UUID })).toEqual([ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]);
    expect(await codes({ name: null, topicId: 'AAAAAAAAAAAAAAAAAAAABg' })).toEqual([ErrorCode.UNKNOWN_TOPIC_ID]);
    expect(await codes({ name: null, topicId: ZERO_UUID })).toEqual([ErrorCode.INVALID_REQUEST]);
    expect(await codes({ name: 'a', topicId: a!.topicId })).toEqual([ErrorCode.INVALID_REQUEST]);
    const twice = await codes({ name: 'a', topicId: ZERO_UUID }, { name: null, topicId: a!.topicId });
    expect(twice).toEqual([ErrorCode.INVALID_REQUEST, ErrorCode.INVALID_REQUEST]);
    expect(controller.image.topic('a')).toBeDefined();
  });

  it('does not where deletion is off', async () => {
    const { controller } = await openController({ settings: { 'delete.topic.enable': 'false' } });
    await create(controller, topicOf('a'));
    const [result] = await controller.deleteTopics({ topics: [{ name: 'a', topicId: ZERO_UUID }] });
    expect(result!.errorCode).toBe(ErrorCode.TOPIC_DELETION_DISABLED);
    expect(controller.image.topic('a')).toBeDefined();
  });
});
