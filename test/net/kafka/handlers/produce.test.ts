// Produce as clients rely on it: what acks mean, answers in order, timestamps, configs that take effect at once.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { apiVersionsApi } from '../../../../src/net/kafka/schema/generated/api-versions.ts';
import { incrementalAlterConfigsApi } from '../../../../src/net/kafka/schema/generated/incremental-alter-configs.ts';
import { metadataApi } from '../../../../src/net/kafka/schema/generated/metadata.ts';
import { produceApi } from '../../../../src/net/kafka/schema/generated/produce.ts';
import {
  eventually,
  fetch,
  produce,
  produceRequest,
  type RawClient,
  brokerKinds,
  startTestBroker,
  type TestBroker,
  textBatch,
} from '../../../support/broker.ts';

const NONE = 0;
const REQUEST_TIMED_OUT = 7;
const MESSAGE_TOO_LARGE = 10;

describe.each(brokerKinds())('%s', (kind) => {
  let broker: TestBroker;
  let client: RawClient;
  let topic = '';
  let made = 0;

  beforeAll(async () => {
    broker = await startTestBroker({ kind });
  });
  beforeEach(async () => {
    client = await broker.client();
    topic = `t${made++}`;
    await broker.createTopic(topic, 2);
  });
  afterAll(() => broker.stop());

  test.each([1, -1])('acks=%i: offsets in order', async (acks) => {
    for (const [count, baseOffset] of [
      [1, 0],
      [5, 1],
      [2, 6],
    ] as const) {
      const batch = textBatch(Array.from({ length: count }, (_, i) => `${i}`));
      expect(await produce(client, topic, batch, { acks })).toMatchObject({
        errorCode: NONE,
        baseOffset,
        logStartOffset: 0,
        logAppendTimeMs: -1,
      });
    }
    expect(await broker.endOffset(topic)).toBe(8);
  });

  test('acks=0 has no answer, and its records are there', async () => {
    for (let i = 0; i < 10; i++) client.request(produceApi, 9, produceRequest(topic, textBatch([`${i}`]), { acks: 0 }));
    // The next answer is to the next request.
    await client.call(apiVersionsApi, 0, {});
    expect(client.takeFrame()).toBeNull();
    await eventually(
      async () => ((await broker.endOffset(topic)) === 10 ? true : undefined),
      () => 'ten records',
    );
  });

  test('a hundred in flight with all kinds of acks: answers in order, offsets as sent', async () => {
    const asked: { id: number; baseOffset: number }[] = [];
    const ends = [0, 0];
    for (let i = 0; i < 100; i++) {
      const partition = i % 2;
      const id = client.request(produceApi, 9, produceRequest(topic, textBatch(['a', 'b']), { acks: [1, -1, 0][i % 3]!, partition }));
      if (i % 3 !== 2) asked.push({ id, baseOffset: ends[partition]! });
      ends[partition]! += 2;
    }
    for (const { id, baseOffset } of asked) {
      expect((await client.answer(produceApi, 9, id)).responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: NONE, baseOffset });
    }
    expect([await broker.endOffset(topic, 0), await broker.endOffset(topic, 1)]).toEqual(ends);
  });

  test('no patience at all with acks=all: told so or stored in time, and stored either way', async () => {
    const outcomes = new Set<number>();
    for (let i = 0; i < 20; i++) outcomes.add((await produce(client, topic, textBatch(['x']), { acks: -1, timeoutMs: 0 })).errorCode);
    expect([...outcomes].filter((code) => code !== NONE && code !== REQUEST_TIMED_OUT)).toEqual([]);
    expect(await broker.endOffset(topic)).toBe(20);
    // Operations that timed out are used again only when the disk has let go of them.
    for (let i = 0; i < 20; i++) expect((await produce(client, topic, textBatch(['y']), { acks: -1 })).baseOffset).toBe(20 + i);
  });

  test('a client that is gone before its answer', async () => {
    for (let i = 0; i < 20; i++) client.request(produceApi, 9, produceRequest(topic, textBatch(['x']), { acks: -1 }));
    await client.send(new Uint8Array(0));
    client.destroy();
    await broker.ask((other) => other.call(metadataApi, 12, { topics: [] }));
    const answer = await broker.ask((other) => produce(other, topic, textBatch(['y']), { acks: -1 }));
    expect(answer.errorCode).toBe(NONE);
    expect(await broker.endOffset(topic)).toBe(answer.baseOffset + 1);
  });

  test('a batch of exactly max.message.bytes is taken, one byte more is not; a change counts at once', async () => {
    const batch = textBatch(['x'.repeat(500)]);
    const limit = async (bytes: number): Promise<void> => {
      const configs = [{ name: 'max.message.bytes', configOperation: 0, value: String(bytes) }];
      const resources = [{ resourceType: 2, resourceName: topic, configs }];
      const answer = await client.call(incrementalAlterConfigsApi, 1, { resources, validateOnly: false });
      expect(answer.responses[0]!.errorCode).toBe(NONE);
    };
    await limit(batch.length);
    expect((await produce(client, topic, batch)).errorCode).toBe(NONE);
    await limit(batch.length - 1);
    expect((await produce(client, topic, batch)).errorCode).toBe(MESSAGE_TOO_LARGE);
    await limit(batch.length);
    expect((await produce(client, topic, batch)).baseOffset).toBe(1);
  });

  test('log append time: the broker stamps, the checksum stays right, the answer tells', async () => {
    const stamped = `${topic}-stamped`;
    await broker.createTopic(stamped, 1, { 'message.timestamp.type': 'LogAppendTime' });
    const before = Date.now();
    const { errorCode, logAppendTimeMs } = await produce(client, stamped, textBatch(['x'], { timestampMs: 5 }));
    expect(errorCode).toBe(NONE);
    // The broker's own time, read at the beginning of a tick, which may be a while ago on a busy machine.
    expect(logAppendTimeMs).toBeGreaterThan(before - 60_000);
    const { records } = await fetch(client, stamped);
    const stored = Buffer.from(records!);
    expect(Number(stored.readBigInt64BE(35))).toBe(logAppendTimeMs);
    expect(stored.readInt16BE(21) & 8).toBe(8);
    // Sent on as it is, to a broker that checks the sum: the bit that only a broker may set is what it minds.
    stored.writeBigInt64BE(0n, 0);
    expect((await produce(client, topic, stored)).errorCode).toBe(32);
  });

  test('every record there is, from a connection that is cut while it sends', async () => {
    const frames = Array.from({ length: 50 }, (_, i) => textBatch([`${i}`.padStart(1000, '.')]));
    for (const batch of frames) client.request(produceApi, 9, produceRequest(topic, batch, { acks: 1 }));
    await client.frame();
    client.destroy();
    const end = await broker.endOffset(topic);
    const { records, highWatermark } = await broker.ask((other) => fetch(other, topic, { maxBytes: 1 << 24, partitionMaxBytes: 1 << 24 }));
    expect(highWatermark).toBeGreaterThanOrEqual(end);
    expect(records!.length % frames[0]!.length).toBe(0);
  });
});
