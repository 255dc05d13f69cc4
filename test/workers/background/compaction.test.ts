// A broker that compacts: a topic of few keys stays small and right through restarts, committed offsets stay small through
// thousands of commits, and damage is told.

import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { recordsIn } from '../../../src/engine/record/log-records.ts';
import { incrementalAlterConfigsApi } from '../../../src/net/kafka/schema/generated/incremental-alter-configs.ts';
import { offsetCommitApi } from '../../../src/net/kafka/schema/generated/offset-commit.ts';
import { offsetFetchApi } from '../../../src/net/kafka/schema/generated/offset-fetch.ts';
import { findCoordinatorApi } from '../../../src/net/kafka/schema/generated/find-coordinator.ts';
import { eventually, fetch, produce, type RawClient, reactorKinds, startTestBroker, type TestBroker } from '../../support/broker.ts';
import { keyed, type Pair } from '../../engine/log/cleaner/cleaner-bench.ts';
import { compileSources } from '../compiled.ts';

const FAST = { 'log.cleaner.backoff.ms': '20', 'log.segment.delete.delay.ms': '0' };
const SMALL = { 'cleanup.policy': 'compact', 'segment.bytes': '4000', 'file.delete.delay.ms': '0' };

beforeAll(() => compileSources());

/** @param without so many of the last segments: a managed one that is appended to has space reserved behind its end */
function logBytes(dir: string, without = 0): number {
  const names = readdirSync(dir)
    .filter((name) => name.endsWith('.log'))
    .sort();
  const sizes = names
    .slice(0, names.length - without)
    // Segments go while they are counted.
    .map((name) => statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0);
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function lastValues(client: RawClient, topic: string, end: number): Promise<Map<string, string>> {
  const last = new Map<string, string>();
  for (let offset = 0; offset < end;) {
    const answer = await fetch(client, topic, { offset, maxBytes: 1_000_000 });
    const records = [...recordsIn(answer.records!)];
    for (const { key, value } of records) last.set(Buffer.from(key!).toString(), Buffer.from(value!).toString());
    offset = lastOffsetIn(answer.records!) + 1;
  }
  return last;
}

function lastOffsetIn(records: Uint8Array): number {
  const bytes = Buffer.from(records.buffer, records.byteOffset, records.byteLength);
  let last = -1;
  for (let at = 0; at + 61 <= bytes.length; at += 12 + bytes.readInt32BE(at + 8)) {
    if (at + 12 + bytes.readInt32BE(at + 8) > bytes.length) break;
    last = Number(bytes.readBigInt64BE(at)) + bytes.readInt32BE(at + 23);
  }
  return last;
}

describe.each(reactorKinds())('%s', (kind) => {
  let broker: TestBroker | undefined;
  afterEach(() => broker?.stop());

  test('a compacted topic stays small, keeps every last value and its offsets, also through a restart', async () => {
    broker = await startTestBroker({ kind, config: FAST });
    await broker.createTopic('t', 1, SMALL);
    const dir = join(broker.dir, 't-0');
    let client = await broker.client();
    const expected = new Map<string, string>();
    for (let i = 0; i < 600; i++) {
      const pairs: Pair[] = [
        [`k${i % 7}`, `${i}`.padEnd(90, '.')],
        [`k${(i * 3) % 11}`, `${i}!`],
      ];
      for (const [key, value] of pairs) expected.set(key!, value!);
      expect((await produce(client, 't', keyed(pairs, i % 5, { timestampMs: Date.now() }))).baseOffset).toBe(2 * i);
    }
    // 120 KB went in.
    await eventually(
      () => (logBytes(dir) < 12_000 ? true : undefined),
      () => `${logBytes(dir)} bytes are left: ${readdirSync(dir).join()}; ${JSON.stringify(broker!.lines)}`,
    );
    expect(await lastValues(client, 't', 1200)).toEqual(expected);
    const { dir: home } = broker;
    await broker.halt();
    const checkpoint = readFileSync(join(home, 'cleaner-offset-checkpoint'), 'utf8');
    expect(checkpoint).toMatch(/^0\n1\nt 0 \d+\n$/);
    expect(Number(checkpoint.split(' ')[2])).toBeGreaterThan(500);
    broker = await startTestBroker({ kind, dir: home, config: FAST });
    client = await broker.client();
    expect(await lastValues(client, 't', 1200)).toEqual(expected);
    expect((await produce(client, 't', keyed([['k', 'v']], 0, { timestampMs: Date.now() }))).baseOffset).toBe(1200);
    expect(broker.lines.filter(({ level }) => level !== 'info')).toEqual([]);
  });

  test.runIf(kind === 'native')('a managed topic is compacted as any other, also through a restart', async () => {
    broker = await startTestBroker({ kind, config: FAST });
    await broker.createTopic('t', 1, { ...SMALL, 'ringlog.storage': 'managed' });
    const dir = join(broker.dir, 't-0');
    expect(existsSync(join(dir, 'ringlog.managed'))).toBe(true);
    const expected = new Map<string, string>();
    let end = 0;
    const load = async (rounds: number): Promise<void> => {
      const client = await broker!.client();
      for (let i = 0; i < rounds; i++, end += 2) {
        const pairs: Pair[] = [
          [`k${i % 7}`, `${end}`.padEnd(90, '.')],
          [`k${(i * 3) % 11}`, `${end}!`],
        ];
        for (const [key, value] of pairs) expected.set(key!, value!);
        expect((await produce(client, 't', keyed(pairs, i % 5, { timestampMs: Date.now() }), { acks: -1 })).baseOffset).toBe(end);
      }
      await eventually(
        () => (logBytes(dir, 1) < 12_000 ? true : undefined),
        () => `${logBytes(dir, 1)} bytes are left: ${readdirSync(dir).join()}; ${JSON.stringify(broker!.lines)}`,
      );
    };
    await load(300);
    expect(await lastValues(await broker.client(), 't', end)).toEqual(expected);
    const { dir: home } = broker;
    await broker.halt();
    expect(logBytes(dir)).toBeLessThan(16_000);
    broker = await startTestBroker({ kind, dir: home, config: FAST });
    expect(await lastValues(await broker.client(), 't', end)).toEqual(expected);
    await load(300);
    expect(await lastValues(await broker.client(), 't', end)).toEqual(expected);
    expect(broker.lines.filter(({ level }) => level !== 'info')).toEqual([]);
  });

  // COMPACTION_COMMITS=1000000 is the long form: a minute on an idle machine, many on a busy one.
  const commits = Number(process.env['COMPACTION_COMMITS'] ?? 6000);
  test('committed offsets stay small through thousands of commits', { timeout: 300_000 + commits * 2 }, async () => {
    broker = await startTestBroker({
      kind,
      config: { ...FAST, 'offsets.topic.num.partitions': '1', 'offsets.topic.segment.bytes': '20000', 'ringlog.fsync': 'never' },
    });
    await broker.createTopic('t', 2);
    let client = await broker.client();
    await eventually(
      async () => {
        const { coordinators } = await client.call(findCoordinatorApi, 4, { keyType: 0, coordinatorKeys: ['g0'] });
        return coordinators[0]!.errorCode === 0 ? true : undefined;
      },
      () => 'no coordinator',
    );
    const groups = ['g0', 'g1', 'g2'];
    const IN_FLIGHT = 20;
    const dir = join(broker.dir, '__consumer_offsets-0');
    let most = 0;
    const commitOne = (offset: number): number =>
      client.request(offsetCommitApi, 8, {
        groupId: groups[offset % groups.length]!,
        memberId: '',
        generationIdOrMemberEpoch: -1,
        topics: [{ name: 't', partitions: [{ partitionIndex: offset % 2, committedOffset: offset, committedMetadata: '' }] }],
      });
    for (let i = 0; i < commits;) {
      const ids = Array.from({ length: Math.min(IN_FLIGHT, commits - i) }, () => commitOne(i++));
      for (const id of ids) {
        const answer = await client.answer(offsetCommitApi, 8, id);
        // Until the partition is loaded.
        expect([0, 14, 16]).toContain(answer.topics[0]!.partitions[0]!.errorCode);
      }
      most = Math.max(most, logBytes(dir));
    }
    await eventually(
      () => (logBytes(dir) < 60_000 ? true : undefined),
      () => `${logBytes(dir)} bytes are left of ${most} at most: ${JSON.stringify(broker!.lines)}`,
    );
    const { dir: home } = broker;
    await broker.halt();
    broker = await startTestBroker({ kind, dir: home, config: { 'offsets.topic.num.partitions': '1' } });
    client = await broker.client();
    for (const [g, group] of groups.entries()) {
      const answer = await eventually(
        async () => {
          const found = await client.call(offsetFetchApi, 7, { groupId: group, topics: [{ name: 't', partitionIndexes: [0, 1] }] });
          return found.errorCode === 0 ? found : undefined;
        },
        () => 'still loading',
      );
      for (const { partitionIndex, committedOffset } of answer.topics[0]!.partitions) {
        const last = Array.from({ length: 6 }, (_, i) => commits - 1 - i).find((i) => i % 3 === g && i % 2 === partitionIndex);
        expect(committedOffset).toBe(last);
      }
    }
  });

  test('a log that is damaged is left alone, and the reason is told', async () => {
    broker = await startTestBroker({ kind, config: FAST });
    // Nothing is old enough until the damage is done.
    await broker.createTopic('t', 1, { ...SMALL, 'min.compaction.lag.ms': '86400000' });
    const client = await broker.client();
    for (let i = 0; i < 40; i++) await produce(client, 't', keyed([['k', `${i}`.padEnd(300)]], 0, { timestampMs: Date.now() - 120_000 }));
    const path = join(broker.dir, 't-0', `${'0'.repeat(20)}.log`);
    const bytes = readFileSync(path);
    bytes[80]! ^= 1;
    writeFileSync(path, bytes);
    const configs = [{ name: 'min.compaction.lag.ms', configOperation: 0, value: '60000' }];
    const resources = [{ resourceType: 2, resourceName: 't', configs }];
    expect((await client.call(incrementalAlterConfigsApi, 1, { resources, validateOnly: false })).responses[0]!.errorCode).toBe(0);
    const line = await broker.logged(/t-0 is compacted no further/);
    expect(line).toContain('segment 0 at byte 0: bad checksum');
    expect(existsSync(path)).toBe(true);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });
});
