// Incremental fetch sessions: what is answered again and what is left out, and every way a session ends.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FetchSessionCache } from '../../../../src/net/kafka/handlers/fetch-session.ts';
import { deleteTopicsApi } from '../../../../src/net/kafka/schema/generated/delete-topics.ts';
import { fetchApi } from '../../../../src/net/kafka/schema/generated/fetch.ts';
import { produce, type RawClient, startTestBroker, type TestBroker, textBatch, topologyKinds } from '../../../support/broker.ts';

const NONE = 0;
const FETCH_SESSION_ID_NOT_FOUND = 70;
const INVALID_FETCH_SESSION_EPOCH = 71;
const FETCH_SESSION_TOPIC_ID_ERROR = 106;

describe.each(topologyKinds())('sessions of a broker, %s', (kind) => {
  let broker: TestBroker;
  let client: RawClient;
  const batch = textBatch(['x'.repeat(50)]);

  let topic = '';
  let made = 0;
  /** Sessions begun, on which connection: there are two slots, so each test gives its own back. */
  let begun: (readonly [client: RawClient, sessionId: number])[] = [];

  beforeAll(async () => {
    broker = await startTestBroker({ kind, config: { 'ringlog.fsync': 'never', 'max.incremental.fetch.session.cache.slots': '2' } });
  });
  beforeEach(async () => {
    topic = `t${made++}`;
    await broker.createTopic(topic, 3, {}, true);
    client = await broker.leaderClient(topic);
    begun = [];
  });
  afterEach(async () => {
    for (const [one, sessionId] of begun.splice(0)) if (!one.isGone) await ask(sessionId, -1, [], [], one);
  });
  afterAll(() => broker.stop());

  type Ask = readonly (readonly [partition: number, offset: number])[];

  async function ask(sessionId: number, sessionEpoch: number, partitions: Ask, forget: readonly number[] = [], from = client) {
    const answer = await from.call(fetchApi, 12, {
      replicaId: -1,
      maxWaitMs: 0,
      minBytes: 1,
      sessionId,
      sessionEpoch,
      topics:
        partitions.length === 0
          ? []
          : [
              {
                topic,
                partitions: partitions.map(([partition, fetchOffset]) => ({ partition, fetchOffset, partitionMaxBytes: 1 << 20 })),
              },
            ],
      forgottenTopicsData: forget.length === 0 ? [] : [{ topic, partitions: forget }],
    });
    if (sessionEpoch === 0 && answer.sessionId !== 0) begun.push([from, answer.sessionId]);
    const rows = answer.responses.flatMap(({ partitions: told }) => told.map((one) => [one.partitionIndex, one.records?.length ?? 0]));
    return { errorCode: answer.errorCode, sessionId: answer.sessionId, rows: rows.sort(([a], [b]) => a! - b!) };
  }

  const ALL: Ask = [
    [0, 0],
    [1, 0],
    [2, 0],
  ];

  // One port, and each connection comes to one of the shards: some of so many to another one than the first.
  test.runIf(kind === 'single')('a connection to another shard has to begin anew, and loses nothing', async () => {
    await produce(client, topic, batch, { partition: 1 });
    const { sessionId } = await ask(0, 0, ALL);
    let epoch = 1;
    let strangers = 0;
    for (let i = 0; i < 64 && strangers === 0; i++) {
      const other = await broker.client();
      const answer = await ask(sessionId, epoch, [], [], other);
      expect([NONE, FETCH_SESSION_ID_NOT_FOUND]).toContain(answer.errorCode);
      if (answer.errorCode === NONE) epoch++;
      else {
        strangers++;
        expect(answer).toMatchObject({ sessionId: 0, rows: [] });
        const anew = await ask(0, 0, ALL, [], other);
        expect(anew).toMatchObject({
          errorCode: NONE,
          rows: [
            [0, 0],
            [1, batch.length],
            [2, 0],
          ],
        });
        expect((await ask(anew.sessionId, 1, [], [], other)).errorCode).toBe(NONE);
        // The shard that has the old one still does.
        expect((await ask(sessionId, epoch++, [])).errorCode).toBe(NONE);
      }
    }
    expect(strangers).toBe(1);
  });

  test('a full request tells all, later ones only what is new', async () => {
    const first = await ask(0, 0, ALL);
    expect(first).toMatchObject({
      errorCode: NONE,
      rows: [
        [0, 0],
        [1, 0],
        [2, 0],
      ],
    });
    const id = first.sessionId;
    expect(id).not.toBe(0);
    expect(await ask(id, 1, [])).toEqual({ errorCode: NONE, sessionId: id, rows: [] });
    await produce(client, topic, batch, { partition: 1 });
    expect((await ask(id, 2, [])).rows).toEqual([[1, batch.length]]);
    // Still unread: told again until the client moves on.
    expect((await ask(id, 3, [])).rows).toEqual([[1, batch.length]]);
    expect((await ask(id, 4, [[1, 1]])).rows).toEqual([]);
    await produce(client, topic, batch, { partition: 2 });
    await produce(client, topic, batch, { partition: 1 });
    expect((await ask(id, 5, [])).rows).toEqual([
      [1, batch.length],
      [2, batch.length],
    ]);
  });

  test('partitions join and are forgotten', async () => {
    const { sessionId } = await ask(0, 0, [[0, 0]]);
    for (const partition of [0, 1, 2]) await produce(client, topic, batch, { partition });
    expect((await ask(sessionId, 1, [[2, 0]])).rows).toEqual([
      [0, batch.length],
      [2, batch.length],
    ]);
    expect((await ask(sessionId, 2, [], [0])).rows).toEqual([[2, batch.length]]);
    // What is forgotten can come back; what never was in it is forgotten without effect.
    expect((await ask(sessionId, 3, [[0, 0]], [1])).rows).toEqual([
      [0, batch.length],
      [2, batch.length],
    ]);
  });

  test('a partition with an error is told every time, and once it is well', async () => {
    const { sessionId } = await ask(0, 0, [
      [0, 0],
      [1, 99],
    ]);
    expect((await ask(sessionId, 1, [])).rows).toEqual([[1, 0]]);
    expect((await ask(sessionId, 2, [[1, 0]])).rows).toEqual([[1, 0]]);
    expect((await ask(sessionId, 3, [])).rows).toEqual([]);
  });

  test('a wrong epoch, and the right one after it', async () => {
    const { sessionId } = await ask(0, 0, ALL);
    for (const epoch of [2, 7, 0x7fff_ffff]) {
      expect(await ask(sessionId, epoch, [])).toMatchObject({ errorCode: INVALID_FETCH_SESSION_EPOCH, rows: [] });
    }
    expect(await ask(sessionId, 1, [])).toMatchObject({ errorCode: NONE, sessionId });
    expect(await ask(sessionId, 1, [])).toMatchObject({ errorCode: INVALID_FETCH_SESSION_EPOCH });
  });

  test('a session nobody has', async () => {
    expect(await ask(12345, 1, ALL)).toMatchObject({ errorCode: FETCH_SESSION_ID_NOT_FOUND, sessionId: 0, rows: [] });
    expect(await ask(0, 5, ALL)).toMatchObject({ errorCode: FETCH_SESSION_ID_NOT_FOUND });
  });

  test('the last request of a session is answered in full and ends it', async () => {
    const { sessionId } = await ask(0, 0, [[0, 0]]);
    await produce(client, topic, batch);
    expect(await ask(sessionId, -1, ALL)).toEqual({
      errorCode: NONE,
      sessionId: 0,
      rows: [
        [0, batch.length],
        [1, 0],
        [2, 0],
      ],
    });
    expect(await ask(sessionId, 1, [])).toMatchObject({ errorCode: FETCH_SESSION_ID_NOT_FOUND });
  });

  test('a new session in place of an old one', async () => {
    const old = await ask(0, 0, ALL);
    const fresh = await ask(old.sessionId, 0, ALL);
    expect(fresh.rows).toHaveLength(3);
    expect(fresh.sessionId).not.toBe(0);
    expect(fresh.sessionId).not.toBe(old.sessionId);
    expect((await ask(old.sessionId, 1, [])).errorCode).toBe(FETCH_SESSION_ID_NOT_FOUND);
    expect((await ask(fresh.sessionId, 1, [])).errorCode).toBe(NONE);
  });

  test('no slot left: the client goes on without a session', async () => {
    const kept = [await ask(0, 0, ALL), await ask(0, 0, ALL)];
    const third = await ask(0, 0, ALL);
    expect(third).toMatchObject({ errorCode: NONE, sessionId: 0 });
    expect(third.rows).toHaveLength(3);
    for (const { sessionId } of kept) expect((await ask(sessionId, 1, [])).errorCode).toBe(NONE);
    await ask(kept[0]!.sessionId, -1, []);
    expect((await ask(0, 0, ALL)).sessionId).not.toBe(0);
  });

  test('a session by name does not go on by id', async () => {
    const { sessionId } = await ask(0, 0, ALL);
    const answer = await client.call(fetchApi, 13, { maxWaitMs: 0, minBytes: 1, sessionId, sessionEpoch: 1, topics: [] });
    expect(answer.errorCode).toBe(FETCH_SESSION_TOPIC_ID_ERROR);
  });

  test('a topic that is deleted and made again under a session', async () => {
    const { sessionId } = await ask(0, 0, [[0, 0]]);
    await produce(client, topic, batch);
    expect((await ask(sessionId, 1, [[0, 1]])).rows).toHaveLength(1);
    await client.call(deleteTopicsApi, 5, { topicNames: [topic], timeoutMs: 1000 });
    expect((await ask(sessionId, 2, [])).rows).toEqual([[0, 0]]);
    await broker.createTopic(topic, 1, {}, true);
    await produce(client, topic, batch);
    expect((await ask(sessionId, 3, [[0, 0]])).rows).toEqual([[0, batch.length]]);
  });

  test('partitions take turns under the limit of an answer', async () => {
    for (const partition of [0, 1, 2]) await produce(client, topic, batch, { partition });
    const partitions = [0, 1, 2].map((partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 1 << 20 }));
    const base = { replicaId: -1, maxWaitMs: 0, minBytes: 1, maxBytes: 1 };
    const first = await client.call(fetchApi, 12, { ...base, sessionEpoch: 0, topics: [{ topic, partitions }] });
    const served = new Set<number>();
    const note = (answer: typeof first): void => {
      for (const one of answer.responses[0]?.partitions ?? []) if ((one.records?.length ?? 0) > 0) served.add(one.partitionIndex);
    };
    begun.push([client, first.sessionId]);
    note(first);
    for (let epoch = 1; epoch <= 3; epoch++) {
      note(await client.call(fetchApi, 12, { ...base, sessionId: first.sessionId, sessionEpoch: epoch, topics: [] }));
    }
    expect([...served].sort()).toEqual([0, 1, 2]);
  });

  test('a session outlives its connection', async () => {
    const other = await broker.leaderClient(topic);
    const { sessionId } = await ask(0, 0, ALL, [], other);
    other.destroy();
    const { errorCode } = await ask(sessionId, 1, []);
    // Behind one port another connection may be another shard's, where the client begins a new session.
    if (kind === 'single') expect([NONE, FETCH_SESSION_ID_NOT_FOUND]).toContain(errorCode);
    else expect(errorCode).toBe(NONE);
  });
});

describe('the cache', () => {
  test('a session left alone for two minutes makes room, one in use does not', () => {
    const cache = new FetchSessionCache(2, Math.random);
    const idle = cache.create(true, 0)!;
    const used = cache.create(true, 0)!;
    expect(cache.use(used.id, 1, true, 100_000)).toBe(used);
    expect(cache.create(true, 119_999)).toBeNull();
    const fresh = cache.create(true, 120_000)!;
    expect(fresh).not.toBeNull();
    expect(cache.use(idle.id, 1, true, 120_000)).toBe(FETCH_SESSION_ID_NOT_FOUND);
    expect(cache.use(used.id, 2, true, 120_000)).toBe(used);
    expect(cache.size).toBe(2);
  });

  test('epochs begin again at 1 after the highest', () => {
    const session = new FetchSessionCache(1, Math.random).create(true, 0)!;
    session.epoch = 0x7fff_ffff;
    session.advance();
    expect(session.epoch).toBe(1);
  });

  test('ids are never 0 and never taken twice', () => {
    const values = [0, 0, 0.5, 0.5, 0.25];
    const cache = new FetchSessionCache(10, () => values.shift()!);
    const ids = [cache.create(true, 0)!.id, cache.create(true, 0)!.id, cache.create(true, 0)!.id];
    expect(new Set(ids).size).toBe(3);
    expect(ids.every((id) => id > 0)).toBe(true);
  });
});
