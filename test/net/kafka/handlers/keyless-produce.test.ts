// Records without a key in a compacted topic: refused whatever their codec, and nothing of them is stored.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { incrementalAlterConfigsApi } from '../../../../src/net/kafka/schema/generated/incremental-alter-configs.ts';
import { crc32c } from '../../../../src/engine/base/crc32c.ts';
import { compress } from '../../../../src/engine/record/compression.ts';
import { keyed, kv, type Pair } from '../../../engine/log/cleaner/cleaner-bench.ts';
import { produce, type RawClient, brokerKinds, startTestBroker, type TestBroker } from '../../../support/broker.ts';

const INVALID_RECORD = 87;
const CODECS = [0, 1, 2, 3, 4];
const now = { timestampMs: Date.now() };
const KEYLESS: Pair[] = [
  ['a', '1'],
  [null, '2'],
  ['c', '3'],
];

describe.each(brokerKinds())('%s', (kind) => {
  let broker: TestBroker;
  let client: RawClient;
  beforeAll(async () => {
    broker = await startTestBroker({ kind });
    await broker.createTopic('compacted', 1, { 'cleanup.policy': 'compact' });
    await broker.createTopic('both', 1, { 'cleanup.policy': 'compact,delete' });
    await broker.createTopic('plain');
    client = await broker.client();
  });
  afterAll(() => broker.stop());

  test.each(CODECS)('codec %i', async (codec) => {
    for (const topic of ['compacted', 'both']) {
      const end = await broker.endOffset(topic);
      for (const acks of [1, -1]) {
        expect(await produce(client, topic, keyed(KEYLESS, codec, now), { acks })).toMatchObject({
          errorCode: INVALID_RECORD,
          baseOffset: -1,
        });
      }
      expect(await broker.endOffset(topic)).toBe(end);
      expect(await produce(client, topic, keyed(kv('a=1', 'b', 'c=3'), codec, now))).toMatchObject({ errorCode: 0, baseOffset: end });
    }
    expect(await produce(client, 'plain', keyed(KEYLESS, codec, now))).toMatchObject({ errorCode: 0 });
  });

  test.each(CODECS.slice(1))('codec %i, and what it says of itself is not true', async (codec) => {
    const good = keyed(kv('a=1', 'b=2'), codec, now);
    const wrong = Buffer.from(keyed(kv('a=1', 'b=2'), 0, now));
    wrong.writeInt16BE(codec, 21);
    wrong.writeUInt32BE(crc32c(wrong, 21, wrong.length - 21), 17);
    expect(await produce(client, 'compacted', wrong)).toMatchObject({ errorCode: INVALID_RECORD });
    const few = Buffer.from(good);
    few.writeInt32BE(0, 23);
    few.writeInt32BE(1, 57);
    few.writeUInt32BE(crc32c(few, 21, few.length - 21), 17);
    expect(await produce(client, 'compacted', few)).toMatchObject({ errorCode: INVALID_RECORD });
  });

  test('a batch that unpacks to far more than it is', async () => {
    const bomb = keyed([['a', '1']], 0, now);
    const body = compress(1, Buffer.alloc(200 * 1024 * 1024));
    const bytes = Buffer.concat([bomb.subarray(0, 61), body]);
    bytes.writeInt32BE(bytes.length - 12, 8);
    bytes.writeInt16BE(1, 21);
    bytes.writeUInt32BE(crc32c(bytes, 21, bytes.length - 21), 17);
    expect(await produce(client, 'compacted', bytes)).toMatchObject({ errorCode: INVALID_RECORD });
  });

  test('a topic that becomes compacted asks for keys from then on', async () => {
    await broker.createTopic('later');
    expect(await produce(client, 'later', keyed(KEYLESS, 0, now))).toMatchObject({ errorCode: 0 });
    const configs = [{ name: 'cleanup.policy', configOperation: 0, value: 'compact' }];
    await client.call(incrementalAlterConfigsApi, 1, {
      resources: [{ resourceType: 2, resourceName: 'later', configs }],
      validateOnly: false,
    });
    expect(await produce(client, 'later', keyed(KEYLESS, 0, now))).toMatchObject({ errorCode: INVALID_RECORD });
  });
});
