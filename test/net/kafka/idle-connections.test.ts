// Silent connections are closed by `connections.max.idle.ms`; who waits for an answer is not silent.

import { afterEach, describe, expect, it } from 'vitest';
import { fetchApi } from '../../../src/net/kafka/schema/generated/fetch.ts';
import { metadataApi } from '../../../src/net/kafka/schema/generated/metadata.ts';
import { eventually, type RawClient, reactorKinds, startTestBroker, type TestBroker } from '../../support/broker.ts';

const IDLE_MS = 40;

/** On a busy machine a client may come to speak only when its time has passed: then another one tries. */
function inTime(broker: TestBroker, speak: (client: RawClient) => Promise<RawClient>): Promise<RawClient> {
  let last: Error | undefined;
  return eventually(
    async () => speak(await broker.client()).catch((error: Error) => void (last = error)),
    () => `every connection was closed before it was answered: ${last?.message}`,
  );
}

describe.each(reactorKinds())('on the %s reactor', (reactor) => {
  let broker: TestBroker | undefined;
  afterEach(async () => {
    await broker?.stop();
  });

  it('closes a connection that never spoke, and one that went silent', async () => {
    broker = await startTestBroker({ kind: reactor, config: { 'connections.max.idle.ms': String(IDLE_MS) } });
    const mute = await broker.client();
    const silent = await inTime(broker, async (client) => {
      await client.call(metadataApi, 12, { topics: null });
      return client;
    });
    await Promise.all([mute.closed(), silent.closed()]);
  });

  it('leaves a connection alone while its fetch is parked for many times as long', async () => {
    const before = await startTestBroker({ kind: reactor });
    await before.createTopic('quiet');
    await before.halt();
    broker = await startTestBroker({ kind: reactor, dir: before.dir, config: { 'connections.max.idle.ms': String(IDLE_MS) } });
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }];
    const request = { maxWaitMs: 10 * IDLE_MS, minBytes: 1, topics: [{ topic: 'quiet', partitions }] };
    const parked = await inTime(broker, async (client) => {
      const answer = await client.call(fetchApi, 11, request);
      expect(answer.responses[0]!.partitions[0]!.errorCode).toBe(0);
      return client;
    });
    await parked.closed();
  });
});
