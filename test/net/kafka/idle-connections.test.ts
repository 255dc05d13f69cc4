// Silent connections are closed by `connections.max.idle.ms`; who waits for an answer is not silent.

import { afterEach, describe, expect, it } from 'vitest';
import { fetchApi } from '../../../src/net/kafka/schema/generated/fetch.ts';
import { metadataApi } from '../../../src/net/kafka/schema/generated/metadata.ts';
import { reactorKinds, startTestBroker, type TestBroker } from '../../support/broker.ts';

const IDLE_MS = 40;

describe.each(reactorKinds())('on the %s reactor', (reactor) => {
  let broker: TestBroker | undefined;
  afterEach(async () => {
    await broker?.stop();
  });

  it('closes a connection that never spoke, and one that went silent', async () => {
    broker = await startTestBroker({ kind: reactor, config: { 'connections.max.idle.ms': String(IDLE_MS) } });
    const mute = await broker.client();
    const silent = await broker.client();
    await silent.call(metadataApi, 12, { topics: null });
    await Promise.all([mute.closed(), silent.closed()]);
  });

  it('leaves a connection alone while its fetch is parked for many times as long', async () => {
    broker = await startTestBroker({ kind: reactor, config: { 'connections.max.idle.ms': String(IDLE_MS) } });
    await broker.createTopic('quiet');
    const client = await broker.client();
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }];
    const answer = await client.call(fetchApi, 11, { maxWaitMs: 10 * IDLE_MS, minBytes: 1, topics: [{ topic: 'quiet', partitions }] });
    expect(answer.responses[0]!.partitions[0]!.errorCode).toBe(0);
    await client.closed();
  });
});
