// Values of a topic's configs, where each comes from, and what is refused.

import { describe, expect, it } from 'vitest';
import {
  ConfigSource,
  effectiveTopicConfig,
  parseTopicConfig,
  staticLayers,
  topicConfigSynonyms,
} from '../../../src/engine/base/config-topic.ts';
import { describeBrokerConfigs, describeClusterDefaults, describeTopicConfigs } from '../../../src/engine/base/config-description.ts';

const NOTHING = staticLayers(new Map());
const given = (settings: Record<string, string>) => staticLayers(new Map(Object.entries(settings)));

describe('a retention time', () => {
  const retention = (settings: Record<string, string>, overrides = {}) => effectiveTopicConfig(overrides, given(settings))['retention.ms'];

  it('is a week, or what the strongest broker key says in its unit', () => {
    expect(retention({})).toBe(7 * 24 * 3_600_000);
    expect(retention({ 'log.retention.hours': '2' })).toBe(7_200_000);
    expect(retention({ 'log.retention.hours': '2', 'log.retention.minutes': '3' })).toBe(180_000);
    expect(retention({ 'log.retention.hours': '2', 'log.retention.minutes': '3', 'log.retention.ms': '4' })).toBe(4);
    expect(retention({ 'log.retention.ms': '4' }, { 'retention.ms': '5' })).toBe(5);
  });

  it('has no limit when it is below zero in any unit', () => {
    expect(retention({ 'log.retention.hours': '-1' })).toBe(-1);
  });
});

describe('the synonyms of a topic config', () => {
  it('are listed from the topic down to the default', () => {
    const layers = {
      given: new Map([
        ['log.retention.minutes', '1'],
        ['log.retention.hours', '3'],
      ]),
      clusterDynamic: { 'log.retention.ms': '20' },
      nodeDynamic: { 'log.retention.ms': '10' },
    };
    expect(topicConfigSynonyms('retention.ms', { 'retention.ms': '5' }, layers)).toEqual([
      { name: 'retention.ms', value: '5', source: ConfigSource.DYNAMIC_TOPIC_CONFIG },
      { name: 'log.retention.ms', value: '10', source: ConfigSource.DYNAMIC_BROKER_CONFIG },
      { name: 'log.retention.ms', value: '20', source: ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG },
      { name: 'log.retention.minutes', value: '1', source: ConfigSource.STATIC_BROKER_CONFIG },
      { name: 'log.retention.hours', value: '3', source: ConfigSource.STATIC_BROKER_CONFIG },
      { name: 'log.retention.hours', value: '168', source: ConfigSource.DEFAULT_CONFIG },
    ]);
    expect(effectiveTopicConfig({}, layers)['retention.ms']).toBe(10);
  });

  it('have the numbers of the wire', () => {
    expect(Object.values(ConfigSource)).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('descriptions', () => {
  it('give each value with its source and type', () => {
    const described = describeTopicConfigs({ 'retention.ms': '5' }, given({ 'log.segment.bytes': '2097152' }));
    const find = (name: string) => described.find((config) => config.name === name)!;
    expect(find('retention.ms')).toMatchObject({ value: '5', source: 1, type: 5, readOnly: false, isSensitive: false });
    expect(find('segment.bytes')).toMatchObject({ value: '2097152', source: 4, type: 3 });
    expect(find('segment.ms')).toMatchObject({
      value: '604800000',
      source: 5,
      synonyms: [{ name: 'log.roll.hours', value: '168', source: 5 }],
    });
    expect(find('flush.ms').value).toBe('9223372036854775807');
    expect(find('cleanup.policy').type).toBe(7);
    expect(find('preallocate').type).toBe(1);
    expect(find('compression.type').type).toBe(2);
    expect(find('min.cleanable.dirty.ratio').type).toBe(6);
    expect(described.map(({ name }) => name)).toEqual(described.map(({ name }) => name).toSorted());
  });

  it('say of a broker what can be changed while it runs', () => {
    const layers = { ...given({ 'num.partitions': '2', 'node.id': '5' }), clusterDynamic: { 'num.partitions': '3' } };
    const described = describeBrokerConfigs(layers);
    const find = (name: string) => described.find((config) => config.name === name)!;
    expect(find('num.partitions')).toMatchObject({
      value: '3',
      source: 3,
      readOnly: false,
      synonyms: [
        { name: 'num.partitions', value: '3', source: 3 },
        { name: 'num.partitions', value: '2', source: 4 },
        { name: 'num.partitions', value: '1', source: 5 },
      ],
    });
    expect(find('node.id')).toMatchObject({ value: '5', source: 4, readOnly: true });
    expect(find('log.dirs')).toMatchObject({ value: null, source: 5, synonyms: [] });
    expect(describeClusterDefaults(layers.clusterDynamic).map(({ name, value }) => [name, value])).toEqual([['num.partitions', '3']]);
  });
});

describe('parseTopicConfig', () => {
  it.each([
    [{ 'retention.ms': 'long' }, 'retention.ms=long: accepted is a whole number of at least -1'],
    [{ 'retention.msec': '1' }, "'retention.msec' is not a topic config; did you mean retention.ms?"],
    [{ 'segment.bytes': '1048575' }, 'segment.bytes=1048575: accepted is a whole number of at least 1048576'],
    [{ 'min.compaction.lag.ms': '2', 'max.compaction.lag.ms': '1' }, 'min.compaction.lag.ms=2 is above max.compaction.lag.ms=1'],
    [{ 'cleanup.policy': 'delete,keep' }, 'a list of delete, compact'],
    [{ 'num.partitions': '1' }, 'is not a topic config'],
  ])('refuses %j', (overrides, expected) => {
    const result = parseTopicConfig(overrides as Record<string, string>, NOTHING);
    expect(result.ok ? '' : result.error).toContain(expected);
  });

  it('gives typed values', () => {
    const result = parseTopicConfig({ 'cleanup.policy': 'compact, delete', preallocate: 'TRUE', 'segment.bytes': '1048576' }, NOTHING);
    if (!result.ok) expect.unreachable();
    expect(result.config['cleanup.policy']).toEqual(['compact', 'delete']);
    expect(result.config['preallocate']).toBe(true);
    expect(result.config['segment.bytes']).toBe(1048576);
  });

  it('takes small segments where the least size is lowered', () => {
    expect(parseTopicConfig({ 'segment.bytes': '2048' }, given({ 'ringlog.segment.bytes.min': '1024' })).ok).toBe(true);
    expect(parseTopicConfig({ 'segment.bytes': '1023' }, given({ 'ringlog.segment.bytes.min': '1024' })).ok).toBe(false);
  });
});
