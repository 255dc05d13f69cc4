// `ringlog topic` and `ringlog group` against a broker: what they print as JSON, what they change, and how they say no.

import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { joinGroupApi } from '../../src/net/kafka/schema/generated/join-group.ts';
import { produce, startTestBroker, type TestBroker, textBatch } from '../support/broker.ts';
import { compileSources } from '../workers/compiled.ts';
import { type Outcome, ringlog } from './ringlog-command.ts';

const DAY_MS = 86_400_000;
/** The first record of a partition; each that follows is a minute later. */
const FIRST_MS = Date.now() - DAY_MS;

let broker: TestBroker;
const run = (...args: string[]): Promise<Outcome> => ringlog([...args, '--bootstrap', `127.0.0.1:${broker.port}`]);
const rows = ({ out }: Outcome): unknown[] =>
  out
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);

beforeAll(() => compileSources());
beforeEach(async () => {
  broker = await startTestBroker({ config: { 'ringlog.fsync': 'never' } });
});
afterEach(() => broker.stop());

describe('topic', () => {
  test('config and delete as JSON', async () => {
    await broker.createTopic('t');
    await broker.createTopic('u');
    const set = await run('topic', 'config', 't', '--set', 'retention.ms=3600000', '--unset', 'segment.bytes', '--json');
    expect(rows(set)).toEqual([{ topic: 't', set: { 'retention.ms': '3600000' }, unset: ['segment.bytes'] }]);
    expect(rows(await run('topic', 'describe', 't', '--json'))).toMatchObject([{ configs: { 'retention.ms': '3600000' } }]);
    expect(rows(await run('topic', 'delete', 't', 'u', '--json'))).toEqual([
      { topic: 't', deleted: true },
      { topic: 'u', deleted: true },
    ]);
    expect(await run('topic', 'delete', 't', '--json')).toMatchObject({ code: 1, out: '' });
  });

  test('a topic that is there is refused in the words of Kafka', async () => {
    await broker.createTopic('t');
    expect(await run('topic', 'create', 't')).toEqual({ code: 1, out: '', err: "ringlog: create t: Topic 't' already exists.\n" });
  });
});

describe('group reset-offsets', () => {
  beforeEach(async () => {
    await broker.createTopic('t', 2);
    await broker.ask(async (client) => {
      for (let i = 0; i < 5; i++) {
        await produce(client, 't', textBatch([`${i}`], { timestampMs: FIRST_MS + i * 60_000 }), { partition: 0 });
        await produce(client, 't', textBatch([`${i}`], { timestampMs: FIRST_MS + i * 60_000 }), { partition: 1 });
      }
    });
  });

  const reset = (...args: string[]): Promise<Outcome> => run('group', 'reset-offsets', 'g', '--json', ...args);
  /** Offsets by partition as a plan says them. */
  const planned = async (...args: string[]): Promise<Record<number, number>> => {
    const outcome = await reset(...args);
    expect(outcome).toMatchObject({ code: 0, err: '' });
    return Object.fromEntries(
      (rows(outcome) as { partition: number; offset: number }[]).map(({ partition, offset }) => [partition, offset]),
    );
  };
  const committed = async (): Promise<Record<number, number>> => {
    const described = rows(await run('group', 'describe', 'g', '--json')) as { offsets: { partition: number; committed: number }[] }[];
    return Object.fromEntries(described[0]!.offsets.map((row) => [row.partition, row.committed]));
  };

  test('only --execute commits, and a group that is new comes into being', async () => {
    expect(rows(await reset('--topic', 't', '--to-latest'))).toEqual([
      { group: 'g', topic: 't', partition: 0, committed: null, offset: 5 },
      { group: 'g', topic: 't', partition: 1, committed: null, offset: 5 },
    ]);
    expect(rows(await run('group', 'list', '--json'))).toEqual([]);
    await reset('--topic', 't', '--to-latest', '--execute');
    expect(await committed()).toEqual({ 0: 5, 1: 5 });
    expect(rows(await run('group', 'delete', 'g', '--json'))).toEqual([{ group: 'g', deleted: true }]);
    expect(rows(await run('group', 'list', '--json'))).toEqual([]);
  });

  test('every place to go to', async () => {
    await reset('--topic', 't', '--to-offset', '2', '--execute');
    expect(await planned('--topic', 't', '--to-earliest')).toEqual({ 0: 0, 1: 0 });
    expect(await planned('--all-topics', '--to-latest')).toEqual({ 0: 5, 1: 5 });
    expect(await planned('--all-topics', '--to-offset', '99')).toEqual({ 0: 5, 1: 5 });
    expect(await planned('--all-topics', '--shift-by', '2')).toEqual({ 0: 4, 1: 4 });
    expect(await planned('--all-topics', '--shift-by', '-1')).toEqual({ 0: 1, 1: 1 });
    expect(await planned('--all-topics', '--shift-by', '-9')).toEqual({ 0: 0, 1: 0 });
    const at = (ms: number): string => new Date(ms).toISOString();
    expect(await planned('--topic', 't', '--to-datetime', at(FIRST_MS + 2 * 60_000))).toEqual({ 0: 2, 1: 2 });
    // Without a zone it is UTC, wherever this runs.
    expect(await planned('--topic', 't', '--to-datetime', at(FIRST_MS + 2 * 60_000 + 1).slice(0, -1))).toEqual({ 0: 3, 1: 3 });
    expect(await planned('--topic', 't', '--to-datetime', at(Date.now()))).toEqual({ 0: 5, 1: 5 });
    await reset('--topic', 't:1', '--shift-by', '1', '--execute');
    expect(await committed()).toEqual({ 0: 2, 1: 3 });
  });

  test.each([
    [['--topic', 't'], /give one of --to-earliest/],
    [['--topic', 't', '--to-earliest', '--to-latest'], /give one of --to-earliest/],
    [['--to-earliest'], /--topic, or take --all-topics/],
    [['--topic', 't:x', '--to-earliest'], /'t:x' is neither/],
    [['--topic', 't:7', '--to-earliest'], /t has no partition 7/],
    [['--topic', 'missing', '--to-earliest'], /UNKNOWN_TOPIC_OR_PARTITION/],
    [['--topic', 't', '--shift-by', '1'], /t-0 has no committed offset to shift/],
    [['--topic', 't', '--shift-by', 'some'], /'some' is not a whole number/],
    [['--topic', 't', '--to-offset', '-1'], /'-1' is not a whole number from 0 on/],
    [['--topic', 't', '--to-datetime', 'soon'], /'soon' is none/],
    [['--topic', 't', '--to-latest', '--dry-run', '--execute'], /cannot be used with/],
    [['--topic', 't', '--all-topics', '--to-latest'], /cannot be used with/],
  ] as const)('%j is refused', async (args, reason) => {
    const { code, out, err } = await reset(...args);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(reason);
    expect(err).not.toContain('    at ');
  });

  test('a group with members is left alone', async () => {
    const client = await broker.client();
    // Asks for the coordinator, which creates its topic.
    await reset('--topic', 't', '--to-offset', '1', '--execute');
    const { errorCode } = await client.call(joinGroupApi, 3, {
      groupId: 'g',
      sessionTimeoutMs: 60_000,
      memberId: '',
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.from('m') }],
    });
    expect(errorCode).toBe(0);
    for (const how of [['--execute'], []]) {
      const { code, err } = await reset('--topic', 't', '--to-latest', ...how);
      expect(code).toBe(1);
      expect(err).toMatch(/group g is active \(\w+\): stop its members first/);
    }
    expect(await committed()).toEqual({ 0: 1, 1: 1 });
  });
});
