// Configs of topics and brokers, changed and described while the broker runs.

import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../../src/engine/base/error-code.ts';
import { create, openController, settingsOf, topicOf } from './controller-fixture.ts';
import { DEFAULT_LOG_CONFIG } from '../../../src/engine/log/log-config.ts';
import { brokerLayers } from '../../../src/engine/metadata/broker-layers.ts';
import { effectiveTopicConfig } from '../../../src/engine/base/config-topic.ts';
import { toLogConfig } from '../../../src/engine/metadata/topic-log-config.ts';
import type { Controller } from '../../../src/engine/metadata/controller.ts';

const [SET, DELETE, APPEND, SUBTRACT] = [0, 1, 2, 3] as const;
const [TOPIC, BROKER] = [2, 4] as const;

async function open() {
  const opened = await openController({ settings: { 'log.retention.hours': '1' } });
  const configs = [
    { name: 'retention.ms', value: '1000' },
    { name: 'cleanup.policy', value: 'compact' },
  ];
  await create(opened.controller, topicOf('a', { configs }));
  return opened;
}

async function alter(
  controller: Controller,
  name: string,
  operation: number,
  value: string | null,
  resource = { type: TOPIC as number, name: 'a' },
) {
  const resources = [{ ...resource, configs: [{ name, operation, value }] }];
  const [result] = await controller.incrementalAlterConfigs({ resources, validateOnly: false });
  return result!;
}

const overrides = (controller: Controller) => controller.image.topic('a')!.configs;

describe('incrementalAlterConfigs', () => {
  it('sets and deletes', async () => {
    const { controller } = await open();
    expect(await alter(controller, 'segment.bytes', SET, ' 2097152 ')).toEqual({
      type: TOPIC,
      name: 'a',
      errorCode: 0,
      errorMessage: null,
    });
    await alter(controller, 'retention.ms', DELETE, null);
    expect(overrides(controller)).toEqual({ 'cleanup.policy': 'compact', 'segment.bytes': '2097152' });
  });

  it('appends to a list and takes from it', async () => {
    const { controller } = await open();
    await alter(controller, 'cleanup.policy', APPEND, 'delete,compact');
    expect(overrides(controller)['cleanup.policy']).toBe('compact,delete');
    await alter(controller, 'cleanup.policy', SUBTRACT, 'compact');
    expect(overrides(controller)['cleanup.policy']).toBe('delete');
  });

  it('appends to the value in force where the topic has none', async () => {
    const { controller } = await open();
    await alter(controller, 'cleanup.policy', DELETE, null);
    await alter(controller, 'cleanup.policy', APPEND, 'compact');
    expect(overrides(controller)['cleanup.policy']).toBe('delete,compact');
  });

  it.each([
    ['retention.ms', SET, 'x', ErrorCode.INVALID_CONFIG, 'retention.ms=x'],
    ['retention.ms', SET, null, ErrorCode.INVALID_REQUEST, 'no value'],
    ['retention.ms', APPEND, '1', ErrorCode.INVALID_CONFIG, 'is no list'],
    ['cleanup.policy', APPEND, 'shrink', ErrorCode.INVALID_CONFIG, 'a list of'],
    ['retention.mss', SET, '1', ErrorCode.INVALID_CONFIG, 'did you mean retention.ms?'],
    ['nothing', DELETE, null, ErrorCode.INVALID_CONFIG, 'is not a topic config'],
    ['cleanup.policy', 9, 'delete', ErrorCode.INVALID_REQUEST, 'no operation 9'],
    ['min.compaction.lag.ms', SET, '9223372036854775807', 0, null],
  ])('answers %s %i %s', async (name, operation, value, errorCode, message) => {
    const { controller } = await open();
    const before = overrides(controller);
    const result = await alter(controller, name, operation, value);
    expect(result.errorCode).toBe(errorCode);
    if (message === null) return;
    expect(result.errorMessage).toContain(message);
    expect(overrides(controller)).toBe(before);
  });

  it('takes all changes of a resource or none, and each resource by itself', async () => {
    const { controller } = await open();
    await create(controller, topicOf('b'));
    const good = { name: 'segment.ms', operation: SET, value: '5' };
    const resources = [
      { type: TOPIC, name: 'a', configs: [good, { name: 'retention.ms', operation: SET, value: '-7' }] },
      { type: TOPIC, name: 'b', configs: [good] },
      { type: TOPIC, name: 'c', configs: [good] },
      { type: 8, name: '10', configs: [] },
    ];
    const results = await controller.incrementalAlterConfigs({ resources, validateOnly: false });
    expect(results.map(({ errorCode }) => errorCode)).toEqual([
      ErrorCode.INVALID_CONFIG,
      ErrorCode.NONE,
      ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
      ErrorCode.INVALID_REQUEST,
    ]);
    expect(overrides(controller)['segment.ms']).toBeUndefined();
    expect(controller.image.topic('b')!.configs).toEqual({ 'segment.ms': '5' });
  });

  it('refuses a resource or a config that is named twice', async () => {
    const { controller } = await open();
    const change = { name: 'segment.ms', operation: SET, value: '5' };
    const twice = { type: TOPIC, name: 'a', configs: [change] };
    const results = await controller.incrementalAlterConfigs({ resources: [twice, twice], validateOnly: false });
    expect(results.map(({ errorCode }) => errorCode)).toEqual([ErrorCode.INVALID_REQUEST, ErrorCode.INVALID_REQUEST]);
    const resources = [{ ...twice, configs: [change, { ...change, operation: DELETE, value: null }] }];
    expect(await controller.incrementalAlterConfigs({ resources, validateOnly: false })).toMatchObject([
      { errorCode: ErrorCode.INVALID_REQUEST },
    ]);
  });

  it('writes nothing that only validates or changes nothing', async () => {
    const { controller, store } = await open();
    const { revision } = await store.range('');
    const resources = [{ type: TOPIC, name: 'a', configs: [{ name: 'segment.ms', operation: SET, value: '5' }] }];
    expect(await controller.incrementalAlterConfigs({ resources, validateOnly: true })).toMatchObject([{ errorCode: 0 }]);
    await alter(controller, 'retention.ms', SET, '1000');
    expect((await store.range('')).revision).toBe(revision);
  });
});

describe('broker configs', () => {
  it('are set for all nodes and for one, and reach the topics', async () => {
    const { controller } = await open();
    await create(controller, topicOf('b'));
    const all = { type: BROKER, name: '' };
    expect(await alter(controller, 'log.retention.ms', SET, '77', all)).toMatchObject({ errorCode: 0 });
    expect(await alter(controller, 'message.max.bytes', SET, '88', { type: BROKER, name: '11' })).toMatchObject({ errorCode: 0 });
    expect(controller.image.brokerConfigs).toEqual(
      new Map([
        ['', { 'log.retention.ms': '77' }],
        ['11', { 'message.max.bytes': '88' }],
      ]),
    );
    const settings = settingsOf({ 'log.retention.hours': '1' });
    const config = (nodeId: number) => effectiveTopicConfig({}, brokerLayers(settings, controller.image, nodeId));
    expect([config(10)['retention.ms'], config(10)['max.message.bytes']]).toEqual([77, 1048588]);
    expect(config(11)['max.message.bytes']).toBe(88);
    await alter(controller, 'log.retention.ms', DELETE, null, all);
    expect(controller.image.brokerConfigs.has('')).toBe(false);
    expect(config(10)['retention.ms']).toBe(3_600_000);
  });

  it.each([
    ['', 'node.id', '3', ErrorCode.INVALID_CONFIG, 'read at start only'],
    ['', 'log.retention.ms', 'x', ErrorCode.INVALID_CONFIG, 'log.retention.ms=x'],
    ['', 'log.segment.bytes', '1000', ErrorCode.INVALID_CONFIG, 'is above log.segment.bytes=1000'],
    ['', 'log.retention.mss', '1', ErrorCode.INVALID_CONFIG, 'did you mean log.retention.ms?'],
    ['12', 'log.retention.ms', '1', ErrorCode.INVALID_REQUEST, "no broker '12'"],
    ['ten', 'log.retention.ms', '1', ErrorCode.INVALID_REQUEST, "no broker 'ten'"],
  ])('of %j refuse %s=%s', async (node, name, value, errorCode, message) => {
    const { controller } = await open();
    const result = await alter(controller, name, SET, value, { type: BROKER, name: node });
    expect(result.errorCode).toBe(errorCode);
    expect(result.errorMessage).toContain(message);
    expect(controller.image.brokerConfigs.size).toBe(0);
  });
});

describe('alterConfigs', () => {
  it('replaces all overrides', async () => {
    const { controller } = await open();
    const resources = [{ type: TOPIC, name: 'a', configs: [{ name: 'segment.ms', value: '5' }] }];
    expect(await controller.alterConfigs({ resources, validateOnly: true })).toMatchObject([{ errorCode: 0 }]);
    expect(overrides(controller)['retention.ms']).toBe('1000');
    await controller.alterConfigs({ resources, validateOnly: false });
    expect(overrides(controller)).toEqual({ 'segment.ms': '5' });
  });

  it('refuses what is not valid', async () => {
    const { controller } = await open();
    const one = async (...configs: { name: string; value: string | null }[]) =>
      (await controller.alterConfigs({ resources: [{ type: TOPIC, name: 'a', configs }], validateOnly: false }))[0]!.errorCode;
    expect(await one({ name: 'nothing', value: '1' })).toBe(ErrorCode.INVALID_CONFIG);
    expect(await one({ name: 'segment.ms', value: '0' })).toBe(ErrorCode.INVALID_CONFIG);
    expect(await one({ name: 'segment.ms', value: null })).toBe(ErrorCode.INVALID_REQUEST);
    expect(await one({ name: 'segment.ms', value: '1' }, { name: 'segment.ms', value: '2' })).toBe(ErrorCode.INVALID_REQUEST);
    expect(overrides(controller)['retention.ms']).toBe('1000');
  });
});

describe('describeConfigs', () => {
  const describe1 = async (controller: Controller, type: number, name: string, keys: string[] | null, more = {}) =>
    (
      await controller.describeConfigs({ resources: [{ type, name, keys }], includeSynonyms: false, includeDocumentation: false, ...more })
    )[0]!;

  it('gives the values in force, and more only when asked', async () => {
    const { controller } = await open();
    const short = await describe1(controller, TOPIC, 'a', ['retention.ms', 'unknown']);
    expect(short.configs).toEqual([
      { name: 'retention.ms', value: '1000', readOnly: false, source: 1, isSensitive: false, type: 5, synonyms: [], documentation: null },
    ]);
    const long = await describe1(controller, TOPIC, 'a', ['retention.ms'], { includeSynonyms: true, includeDocumentation: true });
    expect(long.configs[0]!.synonyms.map(({ source, value }) => [source, value])).toEqual([
      [1, '1000'],
      [4, '1'],
      [5, '168'],
    ]);
    expect(long.configs[0]!.documentation).toContain('How long records are kept');
    expect((await describe1(controller, TOPIC, 'a', null)).configs.length).toBeGreaterThan(20);
    expect((await describe1(controller, TOPIC, 'a', [])).configs).toEqual([]);
  });

  it('of brokers shows what was changed where', async () => {
    const { controller } = await open();
    await alter(controller, 'num.partitions', SET, '3', { type: BROKER, name: '' });
    await alter(controller, 'num.partitions', SET, '4', { type: BROKER, name: '11' });
    expect((await describe1(controller, BROKER, '10', ['num.partitions'])).configs).toMatchObject([{ value: '3', source: 3 }]);
    expect((await describe1(controller, BROKER, '11', ['num.partitions'])).configs).toMatchObject([{ value: '4', source: 2 }]);
    expect((await describe1(controller, BROKER, '', null)).configs).toMatchObject([{ name: 'num.partitions', value: '3' }]);
  });

  it('refuses resources that are not there', async () => {
    const { controller } = await open();
    expect((await describe1(controller, TOPIC, 'x', null)).errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    expect((await describe1(controller, BROKER, '99', null)).errorCode).toBe(ErrorCode.INVALID_REQUEST);
    expect((await describe1(controller, 32, 'g', null)).errorCode).toBe(ErrorCode.INVALID_REQUEST);
  });
});

describe('toLogConfig', () => {
  it("is a log's own defaults when nothing is set", async () => {
    const { controller } = await openController();
    expect(toLogConfig(effectiveTopicConfig({}, brokerLayers(settingsOf(), controller.image, null)))).toEqual(DEFAULT_LOG_CONFIG);
  });

  it('takes each knob from its own config', () => {
    const settings = {
      'segment.bytes': '1048577',
      'segment.ms': '2',
      'segment.index.bytes': '43',
      'index.interval.bytes': '4',
      'retention.ms': '5',
      'retention.bytes': '6',
      'max.message.bytes': '7',
      'message.timestamp.type': 'LogAppendTime',
      'message.timestamp.before.max.ms': '8',
      'message.timestamp.after.max.ms': '9',
      'file.delete.delay.ms': '10',
      'flush.messages': '11',
      'flush.ms': '12',
      'cleanup.policy': 'compact',
      'min.cleanable.dirty.ratio': '0.25',
      'min.compaction.lag.ms': '13',
      'max.compaction.lag.ms': '14',
      'delete.retention.ms': '15',
      preallocate: 'true',
    };
    expect(toLogConfig(effectiveTopicConfig(settings, { given: new Map(), clusterDynamic: {}, nodeDynamic: {} }))).toEqual({
      segmentBytes: 1048577,
      segmentMs: 2,
      segmentIndexBytes: 43,
      storage: 'page-cache',
      indexIntervalBytes: 4,
      retentionMs: 5,
      retentionBytes: 6,
      maxMessageBytes: 7,
      timestampType: 'LogAppendTime',
      timestampBeforeMaxMs: 8,
      timestampAfterMaxMs: 9,
      fileDeleteDelayMs: 10,
      flushMessages: 11,
      flushMs: 12,
      cleanupCompact: true,
      cleanupDelete: false,
      minCleanableDirtyRatio: 0.25,
      minCompactionLagMs: 13,
      maxCompactionLagMs: 14,
      deleteRetentionMs: 15,
      preallocate: true,
    });
    // A compacted log rolls in time for its longest compaction lag; another does not care.
    const rollOf = (policy: string): number => {
      const overrides = { 'cleanup.policy': policy, 'segment.ms': '500', 'max.compaction.lag.ms': '100' };
      return toLogConfig(effectiveTopicConfig(overrides, { given: new Map(), clusterDynamic: {}, nodeDynamic: {} })).segmentMs;
    };
    expect([rollOf('compact,delete'), rollOf('delete')]).toEqual([100, 500]);
  });
});
