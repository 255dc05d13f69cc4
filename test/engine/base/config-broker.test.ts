// Settings of a broker: tables, values, warnings and errors.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptedBy, fallbackValue, parseConfigValue } from '../../../src/engine/base/config-value.ts';
import { brokerSchema, topicSchema } from '../../../src/engine/base/config-schema.ts';
import { effectiveBrokerConfig, logDirectories, parseBrokerConfig } from '../../../src/engine/base/config-broker.ts';
import { effectiveTopicText, staticLayers } from '../../../src/engine/base/config-topic.ts';
import { int, long } from '../../../src/engine/base/config-row.ts';
import { nearestName } from '../../../src/engine/base/config-nearest.ts';
import { topicSynonyms } from '../../../src/engine/base/config-topic-rows.ts';
import type { ConfigRow } from '../../../src/engine/base/config-row.ts';

const entriesOf = (settings: Record<string, string>) => Object.entries(settings).map(([name, value]) => ({ name, value, from: '--set' }));

function parsed(settings: Record<string, string>) {
  const result = parseBrokerConfig(entriesOf(settings));
  if (!result.ok) throw new Error(result.errors.join('\n'));
  return result;
}

function errorsOf(settings: Record<string, string>): readonly string[] {
  const result = parseBrokerConfig(entriesOf(settings));
  return result.ok ? [] : result.errors;
}

describe('the tables', () => {
  const rows: ConfigRow[] = [...brokerSchema.values(), ...topicSchema.values()];

  it('have valid defaults, and a sentence each', () => {
    for (const row of rows) {
      if (row.fallback !== null) expect(parseConfigValue(row, row.fallback), row.name).toMatchObject({ ok: true });
      expect(row.doc, row.name).toMatch(/^[A-Za-z].{15,}\.$/);
      expect(acceptedBy(row), row.name).not.toBe('');
    }
  });

  it('name each key once', async () => {
    const { brokerRows } = await import('../../../src/engine/base/config-broker-rows.ts');
    const { topicDefaultRows } = await import('../../../src/engine/base/config-topic-default-rows.ts');
    expect(brokerSchema.size).toBe(brokerRows.length + topicDefaultRows.length);
  });

  it('give a topic the same default as the broker key behind it', () => {
    for (const row of topicSchema.values()) {
      const inherited = parseConfigValue(row, effectiveTopicText(row.name, {}, staticLayers(new Map())));
      expect(inherited, row.name).toEqual({ ok: true, value: fallbackValue(row) });
    }
  });

  it('name only broker keys that exist as synonyms', () => {
    for (const synonym of Object.values(topicSynonyms).flat()) expect(brokerSchema.has(synonym.name), synonym.name).toBe(true);
  });

  it("hold Kafka's defaults", () => {
    const { config } = parsed({}).settings;
    expect(config['log.retention.hours']).toBe(168);
    expect(config['log.segment.bytes']).toBe(1073741824);
    expect(config['message.max.bytes']).toBe(1048588);
    expect(config['socket.request.max.bytes']).toBe(104857600);
    expect(config['group.initial.rebalance.delay.ms']).toBe(3000);
    expect(config['offsets.topic.num.partitions']).toBe(16);
    expect(config['offsets.topic.replication.factor']).toBe(1);
    expect(config['log.message.timestamp.before.max.ms']).toBe(Number.MAX_SAFE_INTEGER);
    expect(config['group.consumer.assignors']).toEqual(['uniform', 'range']);
    expect(config['ringlog.fsync']).toBe('before-ack');
    expect(config['log.retention.ms']).toBeNull();
    expect(logDirectories(config)).toEqual(['data']);
  });
});

describe('parseBrokerConfig', () => {
  it('lets the later entry win, also under an old name', () => {
    const result = parseBrokerConfig([
      { name: 'num.partitions', value: '2', from: 'a' },
      { name: 'num.partitions', value: ' 3 ', from: 'b' },
      { name: 'broker.id', value: '7', from: 'a' },
    ]);
    if (!result.ok) expect.unreachable();
    expect(result.settings.config['num.partitions']).toBe(3);
    expect(result.settings.config['node.id']).toBe(7);
    expect(result.settings.given).toEqual(
      new Map([
        ['num.partitions', '3'],
        ['node.id', '7'],
      ]),
    );
  });

  it('is not troubled by a bad value that a later one replaces', () => {
    const entries = [...entriesOf({ 'num.partitions': 'many' }), ...entriesOf({ 'num.partitions': '2' })];
    expect(parseBrokerConfig(entries)).toMatchObject({ ok: true });
  });

  it.each([
    ['num.partitions', '0', 'num.partitions=0 (from --set): accepted is a whole number from 1 to 2147483647'],
    ['num.partitions', '1.5', 'a whole number from 1 to 2147483647'],
    ['num.partitions', '2147483648', 'a whole number from 1 to 2147483647'],
    ['num.partitions', '', 'a whole number from 1'],
    ['log.retention.ms', '9223372036854775808', 'a whole number of at least -1'],
    ['log.retention.bytes', '-2', 'a whole number of at least -1'],
    ['log.cleaner.min.cleanable.ratio', '1.01', 'a number from 0 to 1'],
    ['auto.create.topics.enable', 'yes', 'true or false'],
    ['ringlog.fsync', 'sometimes', 'one of before-ack, interval, never'],
    ['log.cleanup.policy', 'delete,shrink', 'a list of delete, compact'],
    ['ringlog.shards', 'all', "'auto' or a whole number from 0 to 999"],
    ['ringlog.cpus', '0-', 'core numbers and ranges, as 0-3,6'],
  ])('refuses %s=%s and says what is accepted', (name, value, expected) => {
    const errors = errorsOf({ [name]: value });
    expect(errors.length).toBe(1);
    expect(errors[0]).toContain(`${name}=${value}`);
    expect(errors[0]).toContain(expected);
  });

  it('reports every bad value at once', () => {
    expect(errorsOf({ 'num.partitions': 'x', 'delete.topic.enable': 'x' }).length).toBe(2);
  });

  it('reads the bounds of its types as numbers and 2^63-1 as no limit', () => {
    const { config } = parsed({
      'log.retention.ms': '9223372036854775807',
      'log.retention.bytes': '-1',
      'num.partitions': '2147483647',
    }).settings;
    expect(config['log.retention.ms']).toBe(Number.MAX_SAFE_INTEGER);
    expect(config['log.retention.bytes']).toBe(-1);
    expect(config['num.partitions']).toBe(2147483647);
  });

  it('reads a list without its repeats and empty members', () => {
    expect(logDirectories(parsed({ 'log.dirs': '/a, /b,,/a' }).settings.config)).toEqual(['/a', '/b']);
  });

  it('takes an empty value of a key that may be unset as unset', () => {
    const { settings } = parsed({ 'log.dirs': '', 'advertised.listeners': ' ' });
    expect(settings.config['log.dirs']).toBeNull();
    expect(settings.given.size).toBe(0);
  });

  it('warns of a slip of the pen with the name that was meant', () => {
    expect(parsed({ 'num.partition': '3' }).warnings).toEqual([
      'num.partition (from --set) is not a known config and is ignored; did you mean num.partitions?',
    ]);
    expect(parsed({ 'something.else.entirely': '3' }).warnings[0]).not.toContain('did you mean');
  });

  it("says of Kafka's own keys that they are without effect", () => {
    const { warnings } = parsed({ 'process.roles': 'broker,controller', 'controller.quorum.voters': '1@localhost:9093' });
    expect(warnings.length).toBe(2);
    for (const warning of warnings) expect(warning).toContain('a config of Kafka that Ringlog does not act on');
  });

  it('warns of copies that one process cannot keep', () => {
    const { warnings } = parsed({ 'offsets.topic.replication.factor': '3' });
    expect(warnings).toEqual(['offsets.topic.replication.factor=3: one process keeps one copy of each partition; 1 is used']);
  });

  it.each([
    [{ 'group.min.session.timeout.ms': '10', 'group.max.session.timeout.ms': '9' }, 'group.min.session.timeout.ms=10 is above'],
    [{ 'group.consumer.session.timeout.ms': '44999' }, 'group.consumer.min.session.timeout.ms=45000 is above'],
    [{ 'log.segment.bytes': '1048575' }, 'ringlog.segment.bytes.min=1048576 is above log.segment.bytes=1048575'],
    [{ 'log.dirs': ',' }, 'names no directory'],
  ])('refuses what contradicts itself: %j', (settings, expected) => {
    expect(errorsOf(settings as Record<string, string>).join()).toContain(expected);
  });

  it('allows small segments where the least size is lowered', () => {
    expect(parsed({ 'log.segment.bytes': '4096', 'ringlog.segment.bytes.min': '1024' }).settings.config['log.segment.bytes']).toBe(4096);
  });
});

it('puts what was changed on one node over what was changed for all, over what it was started with', () => {
  const given = new Map([
    ['num.partitions', '2'],
    ['message.max.bytes', '2000'],
    ['min.insync.replicas', '2'],
  ]);
  const config = effectiveBrokerConfig({
    given,
    clusterDynamic: { 'message.max.bytes': '3000', 'min.insync.replicas': '3' },
    nodeDynamic: { 'min.insync.replicas': '4' },
  });
  expect([config['num.partitions'], config['message.max.bytes'], config['min.insync.replicas']]).toEqual([2, 3000, 4]);
});

it('keeps whole numbers within their type where a row has no bounds', () => {
  const reads = (row: ConfigRow, text: string) => parseConfigValue(row, text).ok;
  expect([reads(int('i', '0', ''), '-2147483648'), reads(int('i', '0', ''), '-2147483649')]).toEqual([true, false]);
  expect([reads(long('l', '0', ''), '-9223372036854775808'), reads(long('l', '0', ''), '-9223372036854775809')]).toEqual([true, false]);
});

it('finds the name that is fewest letters away', () => {
  const known = ['log.retention.ms', 'log.retention.bytes', 'log.roll.ms'];
  expect(nearestName('log.retention.byte', known)).toBe('log.retention.bytes');
  expect(nearestName('log.rol.ms', known)).toBe('log.roll.ms');
  expect(nearestName('zzz', known)).toBeNull();
});

it('reads any whole number within its bounds and no other', () => {
  const row = brokerSchema.get('log.retention.bytes')!;
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }), (number) => {
      const result = parseConfigValue(row, String(number));
      expect(result.ok).toBe(number >= -1n && number < 2n ** 63n);
      if (result.ok && number < 2n ** 53n) expect(BigInt(result.value as number)).toBe(number);
    }),
  );
});
