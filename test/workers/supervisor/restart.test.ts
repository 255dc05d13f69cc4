// A broker stopped and started again on the same folder, a folder that is taken, and a shard that dies.

import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTopicsApi } from '../../../src/net/kafka/schema/generated/create-topics.ts';
import { findCoordinatorApi } from '../../../src/net/kafka/schema/generated/find-coordinator.ts';
import { describeGroupsApi } from '../../../src/net/kafka/schema/generated/describe-groups.ts';
import { initProducerIdApi } from '../../../src/net/kafka/schema/generated/init-producer-id.ts';
import { joinGroupApi } from '../../../src/net/kafka/schema/generated/join-group.ts';
import { metadataApi } from '../../../src/net/kafka/schema/generated/metadata.ts';
import { offsetCommitApi } from '../../../src/net/kafka/schema/generated/offset-commit.ts';
import { offsetFetchApi } from '../../../src/net/kafka/schema/generated/offset-fetch.ts';
import { syncGroupApi } from '../../../src/net/kafka/schema/generated/sync-group.ts';
import { DirectoryLocked } from '../../../src/engine/log/log-directory.ts';
import { eventually, fetch, produce, RawClient, reactorKinds, startTestBroker, type TestBroker, textBatch } from '../../support/broker.ts';
import { compileSources } from '../compiled.ts';
import { ServeProcess } from './serve-process.ts';

const CLEAN_MARKER = '.kafka_cleanshutdown';

describe.each(reactorKinds())('on the %s reactor', (reactor) => {
  let broker: TestBroker | undefined;
  afterEach(() => broker?.stop());

  async function again(): Promise<RawClient> {
    const { dir } = broker!;
    await broker!.halt();
    broker = await startTestBroker({ kind: reactor, dir });
    return broker.client();
  }

  const metadata = async (client: RawClient) => client.call(metadataApi, 12, { topics: null });

  test('records, ids and the cluster are there again', async () => {
    broker = await startTestBroker({ kind: reactor });
    await broker.createTopic('t', 3, { 'retention.ms': '123456789' });
    let client = await broker.client();
    for (let i = 0; i < 50; i++) await produce(client, 't', textBatch([`record ${i}`]), { acks: [1, -1][i % 2]!, partition: i % 3 });
    const before = await metadata(client);
    const contents = await Promise.all([0, 1, 2].map((partition) => broker!.ask((one) => fetch(one, 't', { partition }))));
    const clusterId = broker.running.facts.clusterId;
    client = await again();
    expect(broker!.running.facts.clusterId).toBe(clusterId);
    const after = await metadata(client);
    expect(after.clusterId).toBe(before.clusterId);
    expect(after.topics.map(({ name, topicId }) => [name, topicId])).toEqual(before.topics.map(({ name, topicId }) => [name, topicId]));
    for (const [partition, { highWatermark, records }] of contents.entries()) {
      const now = await fetch(client, 't', { partition });
      expect(now.highWatermark).toBe(highWatermark);
      expect(Buffer.from(now.records!).equals(Buffer.from(records!))).toBe(true);
    }
    expect((await produce(client, 't', textBatch(['more']))).baseOffset).toBe(contents[0]!.highWatermark);
    expect(broker!.lines.filter(({ level }) => level !== 'info')).toEqual([]);
  });

  test('epochs of leaders do not go back', async () => {
    broker = await startTestBroker({ kind: reactor });
    await broker.createTopic('t');
    const before = (await metadata(await broker.client())).topics[0]!.partitions[0]!.leaderEpoch;
    const client = await again();
    const after = (await metadata(client)).topics[0]!.partitions[0]!.leaderEpoch;
    expect(after).toBeGreaterThanOrEqual(before);
    expect((await fetch(client, 't', { leaderEpoch: after })).errorCode).toBe(0);
    if (after > before) expect((await fetch(client, 't', { leaderEpoch: before })).errorCode).toBe(74);
  });

  test('an idempotent producer goes on where it was; what it sends again is known', async () => {
    broker = await startTestBroker({ kind: reactor });
    await broker.createTopic('t');
    let client = await broker.client();
    const { producerId, producerEpoch } = await client.call(initProducerIdApi, 4, { transactionalId: null, transactionTimeoutMs: 1000 });
    const batch = (baseSequence: number): Uint8Array => textBatch([`${baseSequence}`], { producerId, producerEpoch, baseSequence });
    for (let i = 0; i < 3; i++) await produce(client, 't', batch(i));
    client = await again();
    expect(await produce(client, 't', batch(2))).toMatchObject({ errorCode: 0, baseOffset: 2 });
    expect(await produce(client, 't', batch(5))).toMatchObject({ errorCode: 45 });
    expect(await produce(client, 't', batch(3))).toMatchObject({ errorCode: 0, baseOffset: 3 });
    const next = await client.call(initProducerIdApi, 4, { transactionalId: null, transactionTimeoutMs: 1000 });
    expect(next.producerId).toBeGreaterThan(producerId);
  });

  test('a group and what it committed', async () => {
    broker = await startTestBroker({ kind: reactor });
    await broker.createTopic('t');
    let client = await broker.client();
    await client.call(findCoordinatorApi, 4, { coordinatorKeys: ['g'] });
    const protocols = [{ name: 'range', metadata: Buffer.from('m') }];
    const joined = await client.call(joinGroupApi, 3, {
      groupId: 'g',
      sessionTimeoutMs: 60_000,
      memberId: '',
      protocolType: 'consumer',
      protocols,
    });
    const { memberId, generationId } = joined;
    await client.call(syncGroupApi, 3, { groupId: 'g', generationId, memberId, assignments: [{ memberId, assignment: Buffer.from('a') }] });
    const commit = async (offset: number): Promise<number> => {
      const partitions = [{ partitionIndex: 0, committedOffset: offset, committedMetadata: 'm' }];
      const request = { groupId: 'g', memberId, generationIdOrMemberEpoch: generationId, topics: [{ name: 't', partitions }] };
      return (await client.call(offsetCommitApi, 8, request)).topics[0]!.partitions[0]!.errorCode;
    };
    for (let offset = 1; offset <= 20; offset++) expect(await commit(offset)).toBe(0);
    client = await again();
    const found = await eventually(
      async () => {
        const answer = await client.call(offsetFetchApi, 7, { groupId: 'g', topics: [{ name: 't', partitionIndexes: [0] }] });
        // Loading is said so, and is soon over.
        return answer.errorCode === 14 ? undefined : answer;
      },
      () => 'still loading',
    );
    expect(found.topics[0]!.partitions[0]).toMatchObject({ errorCode: 0, committedOffset: 20, metadata: 'm' });
    // The member is still one, in the same generation.
    expect(await commit(21)).toBe(0);
    const described = await client.call(describeGroupsApi, 5, { groups: ['g'] });
    expect(described.groups[0]).toMatchObject({ errorCode: 0, groupState: 'Stable' });
  });

  test('a clean stop says so, and the next start takes the word', async () => {
    broker = await startTestBroker({ kind: reactor });
    const { dir } = broker;
    expect(existsSync(join(dir, CLEAN_MARKER))).toBe(false);
    await broker.halt();
    expect(existsSync(join(dir, CLEAN_MARKER))).toBe(true);
    expect(readdirSync(dir)).not.toContain('.lock');
    broker = await startTestBroker({ kind: reactor, dir });
    expect(existsSync(join(dir, CLEAN_MARKER))).toBe(false);
  });

  test('stopping twice is stopping once, with clients there or not', async () => {
    broker = await startTestBroker({ kind: reactor });
    await broker.createTopic('t');
    const client = await RawClient.open(broker.port);
    await produce(client, 't', textBatch(['a']));
    await Promise.all([broker.running.stop(), broker.running.stop()]);
    await client.closed();
    await expect(RawClient.open(broker.port)).rejects.toThrow('ECONNREFUSED');
  });

  test('a folder that is in use', async () => {
    broker = await startTestBroker({ kind: reactor });
    const second = startTestBroker({ kind: reactor, dir: broker.dir });
    await expect(second).rejects.toThrow(DirectoryLocked);
    await expect(second).rejects.toThrow(`process ${process.pid}`);
    // The first is not disturbed.
    await broker.createTopic('t');
    await broker.ask((one) => produce(one, 't', textBatch(['a'])));
  });
});

describe('processes', () => {
  let dir: string;
  const processes: ServeProcess[] = [];

  beforeAll(() => compileSources());
  afterEach(async () => {
    for (const one of processes.splice(0)) {
      one.child.kill('SIGKILL');
      await one.ended();
    }
    rmSync(dir, { recursive: true, force: true });
  });

  function serve(configs: Readonly<Record<string, string>>, nodeOptions = ''): ServeProcess {
    const one = new ServeProcess({ listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': dir, 'ringlog.shards': '1', ...configs }, nodeOptions);
    processes.push(one);
    return one;
  }

  async function createTopic(client: RawClient): Promise<void> {
    const topics = [{ name: 't', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }];
    expect((await client.call(createTopicsApi, 7, { topics })).topics[0]!.errorCode).toBe(0);
  }

  test('a second start on the same folder names the first', async () => {
    dir = mkdtempSync(join(tmpdir(), 'ringlog-serve-'));
    const first = serve({});
    await first.port();
    const second = serve({});
    expect(await second.ended()).not.toBe(0);
    expect(second.err).toContain(`process ${first.child.pid}`);
    expect(first.code).toBeUndefined();
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('%s stops cleanly', async (signal) => {
    dir = mkdtempSync(join(tmpdir(), 'ringlog-serve-'));
    const one = serve({});
    const client = await RawClient.open(await one.port());
    await createTopic(client);
    expect((await produce(client, 't', textBatch(['a']), { acks: 1 })).errorCode).toBe(0);
    one.child.kill(signal);
    expect(await one.ended()).toBe(0);
    expect(existsSync(join(dir, CLEAN_MARKER))).toBe(true);
    const next = await RawClient.open(await serve({}).port());
    expect((await fetch(next, 't')).highWatermark).toBe(1);
    next.destroy();
  });

  describe('whose disk comes to harm', () => {
    const hook = `--import=${new URL('harm-disk.mjs', import.meta.url).href}`;
    let trigger: string;
    beforeEach(() => {
      dir = mkdtempSync(join(tmpdir(), 'ringlog-serve-'));
      trigger = join(dir, 'harm');
      process.env['RINGLOG_TEST_HARM'] = trigger;
    });
    afterEach(() => void delete process.env['RINGLOG_TEST_HARM']);

    test('in a close that ends a thread: the stop fails at once, with the cause', async () => {
      const one = serve({ 'ringlog.fsync': 'never' }, hook);
      const client = await RawClient.open(await one.port());
      await createTopic(client);
      expect((await produce(client, 't', textBatch(['a']), { acks: 1 })).errorCode).toBe(0);
      writeFileSync(trigger, 'end');
      one.child.kill('SIGTERM');
      expect(await one.ended()).toBe(1);
      expect(one.err).toContain('shard 0 ended with code 3');
      expect(existsSync(join(dir, CLEAN_MARKER))).toBe(false);
    });

    test('in a sync: the only log directory has failed, which ends the process and leaves no word that it can be trusted', async () => {
      // A journal, once it is ready, is written without a sync.
      const one = serve({ 'ringlog.reactor': 'portable', 'ringlog.commit': 'segments' }, hook);
      const client = await RawClient.open(await one.port());
      await createTopic(client);
      expect((await produce(client, 't', textBatch(['a']), { acks: -1 })).errorCode).toBe(0);
      writeFileSync(trigger, 'fail');
      // The end of the process may overtake the answer.
      const answer = await produce(client, 't', textBatch(['b']), { acks: -1 }).catch(() => null);
      expect(answer?.errorCode ?? 56).toBe(56);
      expect(await one.ended()).toBe(74);
      expect(one.err).toContain('has failed');
      expect(existsSync(join(dir, CLEAN_MARKER))).toBe(false);
    });
  });

  test('an exception in a shard ends the process, with its cause; nothing acked is lost', async () => {
    dir = mkdtempSync(join(tmpdir(), 'ringlog-serve-'));
    const trigger = join(dir, '..', `${dir.split('/').at(-1)}.throw`);
    process.env['RINGLOG_TEST_THROW'] = trigger;
    try {
      const hook = `--import=${new URL('throw-in-shard.mjs', import.meta.url).href}`;
      const one = serve({}, hook);
      const client = await RawClient.open(await one.port());
      await createTopic(client);
      let acked = 0;
      for (; acked < 50; acked++)
        expect((await produce(client, 't', textBatch([`${acked}`]), { acks: [1, -1][acked % 2]! })).errorCode).toBe(0);
      writeFileSync(trigger, '');
      expect(await one.ended()).toBe(70);
      expect(one.err).toContain('thrown by the test, in the thread of a shard');
      expect(existsSync(join(dir, CLEAN_MARKER))).toBe(false);
      await client.closed();
      rmSync(trigger);
      const next = await RawClient.open(await serve({}, hook).port());
      expect((await fetch(next, 't')).highWatermark).toBe(acked);
      next.destroy();
    } finally {
      delete process.env['RINGLOG_TEST_THROW'];
      rmSync(trigger, { force: true });
    }
  });
});
