// Every API in every version that ApiVersions advertises: asked for what is there, answered to the last byte, and the
// connection stays open. Finds fields that a version cannot express.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { apiVersionsApi } from '../../../../src/net/kafka/schema/generated/api-versions.ts';
import { findCoordinatorApi } from '../../../../src/net/kafka/schema/generated/find-coordinator.ts';
import { joinGroupApi } from '../../../../src/net/kafka/schema/generated/join-group.ts';
import { offsetCommitApi } from '../../../../src/net/kafka/schema/generated/offset-commit.ts';
import { syncGroupApi } from '../../../../src/net/kafka/schema/generated/sync-group.ts';
import { produce, type RawClient, brokerKinds, startTestBroker, type TestBroker, textBatch } from '../../../support/broker.ts';
import { plausibleRequests, type Prepared } from './plausible-requests.ts';

/** Kept from older librdkafka's sake: advertised, not accepted. */
const PRODUCE_ACCEPTED_SINCE = 3;

async function prepare(broker: TestBroker): Promise<Prepared> {
  const client = await broker.client();
  const topicId = await broker.createTopic('things', 2, { 'retention.ms': '86400000' }, true);
  const written = await produce(client, 'things', textBatch(['x', 'y', 'z'], { producerId: 5, producerEpoch: 0, baseSequence: 0 }), {
    acks: -1,
  });
  expect(written.errorCode).toBe(0);
  // Finding the coordinator makes the offsets topic.
  const found = await client.call(findCoordinatorApi, 4, { coordinatorKeys: ['members', 'empty'] });
  expect(found.coordinators.map(({ errorCode }) => errorCode)).toEqual([0, 0]);
  const member = { groupId: 'members', sessionTimeoutMs: 60_000, protocolType: 'consumer' };
  const protocols = [{ name: 'range', metadata: Buffer.from('m') }];
  const joined = await client.call(joinGroupApi, 3, { ...member, memberId: '', protocols });
  expect(joined.errorCode).toBe(0);
  const { memberId, generationId } = joined;
  const synced = await client.call(syncGroupApi, 3, {
    groupId: 'members',
    generationId,
    memberId,
    assignments: [{ memberId, assignment: Buffer.from('a') }],
  });
  expect(synced.errorCode).toBe(0);
  const partitions = [{ partitionIndex: 1, committedOffset: 3, committedMetadata: 'note' }];
  const committed = await client.call(offsetCommitApi, 8, { groupId: 'empty', memberId: '', topics: [{ name: 'things', partitions }] });
  expect(committed.topics[0]!.partitions[0]!.errorCode).toBe(0);
  return { topic: 'things', topicId, group: 'members', generation: generationId, memberId, emptyGroup: 'empty' };
}

/** Every error code of an answer, wherever it stands. */
function errorsIn(value: unknown, found: number[] = []): number[] {
  if (Array.isArray(value)) for (const element of value) errorsIn(element, found);
  else if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    for (const [name, member] of Object.entries(value)) {
      if (name === 'errorCode') found.push(member as number);
      else errorsIn(member, found);
    }
  }
  return found;
}

describe.each(brokerKinds())('%s', (kind) => {
  let broker: TestBroker;
  let prepared: Prepared;
  let client: RawClient;

  beforeAll(async () => {
    broker = await startTestBroker({ kind });
    if (kind === 'native' || kind === 'portable') expect(broker.running.facts.reactor.kind).toBe(kind);
    prepared = await prepare(broker);
  });
  beforeEach(async () => {
    client = await broker.client();
  });
  afterAll(() => broker.stop());

  test('every advertised API has a request here, and the other way round', async () => {
    const { apiKeys } = await client.call(apiVersionsApi, 4, { clientSoftwareName: 'test', clientSoftwareVersion: '1' });
    expect(apiKeys.map(({ apiKey }) => apiKey).sort((a, b) => a - b)).toEqual(
      plausibleRequests.map(({ api }) => api.key).sort((a, b) => a - b),
    );
  });

  test.each(plausibleRequests)('$api.name', async ({ api, requestOf, errors }) => {
    const { apiKeys } = await client.call(apiVersionsApi, 4, { clientSoftwareName: 'test', clientSoftwareVersion: '1' });
    const range = apiKeys.find(({ apiKey }) => apiKey === api.key)!;
    expect([range.minVersion, range.maxVersion]).toEqual([api.key === 0 ? 0 : api.minVersion, api.maxStableVersion]);
    const first = api.key === 0 ? PRODUCE_ACCEPTED_SINCE : range.minVersion;
    for (let version = first; version <= range.maxVersion; version++) {
      const answer = await client.call(api, version, requestOf(version, prepared) as never).catch((error: Error) => {
        throw new Error(`${api.name} v${version}: ${error.message}; log: ${JSON.stringify(broker.lines)}`);
      });
      const unexpected = errorsIn(answer).filter((code) => code !== 0 && !errors!.includes(code));
      expect(unexpected, `${api.name} v${version}: ${JSON.stringify(answer)}`).toEqual([]);
    }
    expect(client.isGone).toBe(false);
  });

  test('nothing was logged as failed', () => {
    expect(broker.lines.filter(({ level }) => level !== 'info')).toEqual([]);
  });
});
