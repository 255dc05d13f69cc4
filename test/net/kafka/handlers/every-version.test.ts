// Every API in every version that ApiVersions advertises: asked for what is there, answered to the last byte, and the
// connection stays open. Finds fields that a version cannot express.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { apiVersionsApi } from '../../../../src/net/kafka/schema/generated/api-versions.ts';
import { type RawClient, brokerKinds, startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { errorsIn, plausibleRequests, type Prepared, preparedBy } from './plausible-requests.ts';

/** Kept from older librdkafka's sake: advertised, not accepted. */
const PRODUCE_ACCEPTED_SINCE = 3;

async function prepare(broker: TestBroker): Promise<Prepared> {
  const topicId = await broker.createTopic('things', 2, { 'retention.ms': '86400000' }, true);
  return preparedBy(await broker.client(), 'things', topicId);
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
