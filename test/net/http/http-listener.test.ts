// The HTTP listener of a whole broker, asked as Prometheus, a load balancer and a stranger would.

import { connect } from 'node:net';
import parsePrometheus from 'parse-prometheus-text-format';
import { afterEach, describe, expect, test } from 'vitest';
import { fetchApi } from '../../../src/net/kafka/schema/generated/fetch.ts';
import { ZERO_UUID } from '../../../src/engine/base/uuid.ts';
import { findCoordinatorApi } from '../../../src/net/kafka/schema/generated/find-coordinator.ts';
import { metadataApi } from '../../../src/net/kafka/schema/generated/metadata.ts';
import { offsetCommitApi } from '../../../src/net/kafka/schema/generated/offset-commit.ts';
import { produceApi } from '../../../src/net/kafka/schema/generated/produce.ts';
import {
  eventually,
  fetchRequest,
  produceRequest,
  startTestBroker,
  type TestBroker,
  textBatch,
  topologyKinds,
} from '../../support/broker.ts';

interface Family {
  readonly name: string;
  readonly type: string;
  readonly metrics: readonly { readonly value: string; readonly labels?: Record<string, string> }[];
}

let broker: TestBroker;
afterEach(() => broker.stop());

const HTTP = { 'ringlog.http.listener': '127.0.0.1:0' };

function url(path: string): string {
  return `http://127.0.0.1:${broker.running.facts.httpPort}${path}`;
}

async function scrape(): Promise<Map<string, Family>> {
  const answer = await fetch(url('/metrics'));
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  // The parser mixes up the rows of a histogram with labels: as families of their own they are what they are.
  const families = parsePrometheus((await answer.text()).replace(/^# TYPE \S+ histogram\n/gm, '')) as Family[];
  const byName = new Map<string, Family>();
  for (const { name, metrics, ...rest } of families) {
    byName.set(name, { ...rest, name, metrics: [...(byName.get(name)?.metrics ?? []), ...metrics] });
  }
  return byName;
}

/** The sample whose labels include `labels`. */
function valueOf(families: Map<string, Family>, name: string, labels: Record<string, string> = {}): number | undefined {
  const found = families
    .get(name)
    ?.metrics.find(({ labels: own = {} }) => Object.entries(labels).every(([key, value]) => own[key] === value));
  return found?.value === undefined ? undefined : Number(found.value);
}

describe.each(topologyKinds())('%s', (kind) => {
  test("a scrape has Kafka's names with what clients did", async () => {
    broker = await startTestBroker({ kind, config: HTTP });
    // What would break a line, were it not escaped, may stand in the name of a group.
    const groupId = 'read"ers\\\n';
    await broker.createTopic('clicks', 2);
    const client = await broker.client();
    const batch = textBatch(['a', 'b', 'c']);
    await client.call(produceApi, 9, produceRequest('clicks', batch, { acks: -1, partition: 1 }));
    await client.call(fetchApi, 12, fetchRequest('clicks', { partition: 1 }));
    const commit = {
      groupId,
      generationIdOrMemberEpoch: -1,
      memberId: '',
      groupInstanceId: null,
      topics: [
        { name: 'clicks', partitions: [{ partitionIndex: 1, committedOffset: 1, committedLeaderEpoch: -1, committedMetadata: '' }] },
      ],
    };
    await client.call(findCoordinatorApi, 4, { keyType: 0, coordinatorKeys: [groupId] });
    await eventually(
      async () => ((await client.call(offsetCommitApi, 8, commit)).topics[0]!.partitions[0]!.errorCode === 0 ? true : undefined),
      () => 'no offset was committed',
    );
    const families = await eventually(
      async () => {
        const now = await scrape();
        return (now.get('kafka_consumergroup_lag')?.metrics.length ?? 0) > 0 &&
          valueOf(now, 'kafka_log_log_logendoffset', { topic: 'clicks', partition: '1' }) === 3
          ? now
          : undefined;
      },
      () => 'the scrape never told of the group',
    );
    const one = { topic: 'clicks', partition: '1' };
    expect(valueOf(families, 'kafka_topic_partition_current_offset', one)).toBe(3);
    expect(valueOf(families, 'kafka_topic_partition_oldest_offset', one)).toBe(0);
    expect(valueOf(families, 'kafka_log_log_size', one)).toBe(batch.length);
    expect(valueOf(families, 'kafka_topic_partitions', { topic: 'clicks' })).toBe(2);
    expect(valueOf(families, 'kafka_brokers')).toBe(broker.running.facts.addresses.length);
    expect(valueOf(families, 'kafka_server_brokertopicmetrics_messagesin_total', { topic: 'clicks' })).toBe(3);
    expect(valueOf(families, 'kafka_server_brokertopicmetrics_bytesin_total', { topic: 'clicks' })).toBe(batch.length);
    expect(valueOf(families, 'kafka_server_brokertopicmetrics_bytesout_total', { topic: 'clicks' })).toBe(batch.length);
    expect(valueOf(families, 'kafka_server_brokertopicmetrics_failedproducerequests_total', { topic: 'clicks' })).toBe(0);
    expect(valueOf(families, 'kafka_network_requestmetrics_requests_total', { request: 'Produce' })).toBe(1);
    expect(valueOf(families, 'kafka_server_socket_server_metrics_connection_count')).toBeGreaterThan(0);
    const lag = families.get('kafka_consumergroup_lag')!.metrics[0]!;
    expect(lag).toEqual({ value: '2', labels: { consumergroup: groupId, topic: 'clicks', partition: '1' } });
    expect(valueOf(families, 'kafka_consumergroup_lag_sum', { topic: 'clicks' })).toBe(2);
    expect(valueOf(families, 'kafka_consumergroup_current_offset_sum', { topic: 'clicks' })).toBe(1);
    const metadata = await client.call(metadataApi, 12, {
      topics: [{ topicId: ZERO_UUID, name: 'clicks' }],
      allowAutoTopicCreation: false,
      includeTopicAuthorizedOperations: false,
    });
    const leader = metadata.topics[0]!.partitions.find(({ partitionIndex }) => partitionIndex === 1)!.leaderId;
    expect(valueOf(families, 'kafka_topic_partition_leader', one)).toBe(leader);
    expect(valueOf(families, 'kafka_topic_partition_in_sync_replica', one)).toBe(1);
    expect(valueOf(families, 'kafka_topic_partition_under_replicated_partition', one)).toBe(0);
    for (const name of ['server_replicamanager_underreplicatedpartitions', 'controller_kafkacontroller_offlinepartitionscount']) {
      expect([name, valueOf(families, `kafka_${name}`)]).toEqual([name, 0]);
    }
    // prom-client's own numbers of the process stand behind.
    expect(valueOf(families, 'process_cpu_seconds_total')).toBeGreaterThan(0);
  });

  test('histograms rise to their count, with the sum in seconds', async () => {
    broker = await startTestBroker({ kind, config: HTTP });
    await broker.createTopic('clicks');
    const client = await broker.client();
    for (let i = 0; i < 20; i++) await client.call(produceApi, 9, produceRequest('clicks', textBatch(['x']), { acks: -1 }));
    const produce = { api: 'Produce' };
    const families = await eventually(
      async () => {
        const now = await scrape();
        return valueOf(now, 'ringlog_request_duration_seconds_count', produce) === 20 ? now : undefined;
      },
      () => 'the scrape never told of 20 requests',
    );
    const names = [...families.keys()].filter((name) => name.startsWith('ringlog_') && name.endsWith('_bucket'));
    expect(names).toEqual([
      'ringlog_request_duration_seconds_bucket',
      'ringlog_tick_duration_seconds_bucket',
      'ringlog_group_commit_duration_seconds_bucket',
      'ringlog_group_commit_bytes_bucket',
      'ringlog_group_commit_partitions_bucket',
      'ringlog_segment_sync_duration_seconds_bucket',
    ]);
    for (const name of names) {
      const own = name.slice(0, -'_bucket'.length);
      for (const { labels, value: count } of families.get(`${own}_count`)!.metrics) {
        const key = Object.entries(labels!)[0]!;
        const rows = families.get(name)!.metrics.filter((row) => row.labels![key[0]] === key[1]);
        expect(rows.map((row) => row.labels!['le']!).at(-1), own).toBe('+Inf');
        const bounds = rows.slice(0, -1).map((row) => Number(row.labels!['le']));
        expect(bounds, own).toEqual([...bounds].sort((a, b) => a - b));
        const values = rows.map(({ value }) => Number(value));
        expect(values, own).toEqual([...values].sort((a, b) => a - b));
        expect(values.at(-1), own).toBe(Number(count));
      }
    }
    // The test has waited for each of them, for less than its deadline.
    expect(valueOf(families, 'ringlog_request_duration_seconds_sum', produce)).toBeGreaterThan(0);
    expect(valueOf(families, 'ringlog_request_duration_seconds_sum', produce)).toBeLessThan(20 * 60);
  });
});

test('health answers, and what is not there says what is', async () => {
  broker = await startTestBroker({ config: HTTP });
  const ready = await fetch(url('/readyz'));
  expect([ready.status, await ready.json()]).toEqual([200, { status: 'ready' }]);
  const alive = await fetch(url('/healthz'));
  expect([alive.status, await alive.json()]).toEqual([200, { status: 'alive' }]);
  const nothing = await fetch(url('/nothing'));
  expect([nothing.status, await nothing.json()]).toEqual([404, { error: expect.stringContaining('/metrics') }]);
  const post = await fetch(url('/metrics'), { method: 'POST', body: 'x' });
  expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET']);
  const head = await fetch(url('/'), { method: 'HEAD' });
  expect([head.status, head.headers.get('content-type'), await head.text()]).toEqual([200, 'text/html; charset=utf-8', '']);
});

test('a page of another site does not get in by a name that leads here', async () => {
  broker = await startTestBroker({ config: HTTP });
  const answer = await raw(
    `GET /console/state.json HTTP/1.1\r\nHost: evil.example:${broker.running.facts.httpPort}\r\nConnection: close\r\n\r\n`,
  );
  expect(answer).toMatch(/^HTTP\/1\.1 403 /);
  expect(answer).not.toContain('clusterId');
});

test('with a token, numbers are for who shows it; health is for everybody', async () => {
  broker = await startTestBroker({ config: { ...HTTP, 'ringlog.http.token': 'secret-1' } });
  for (const authorization of ['', 'Bearer', 'Bearer secret-2', 'Basic secret-1', 'Bearer secret-12']) {
    const refused = await fetch(url('/metrics'), { headers: { authorization } });
    expect([authorization, refused.status]).toEqual([authorization, 401]);
    expect(await refused.text()).toContain('Authorization: Bearer');
  }
  // One line about a client that does the same again and again, and nothing of what it showed.
  const lines = broker.lines.filter(({ message }) => message.startsWith('HTTP turned away'));
  expect(lines.map(({ level, message }) => [level, message])).toEqual([
    ['warn', expect.stringMatching(/^HTTP turned away 127.0.0.1: 401 send the token/)],
  ]);
  expect(JSON.stringify(lines)).not.toContain('secret');
  expect((await fetch(url('/metrics'), { headers: { authorization: 'Bearer secret-1' } })).status).toBe(200);
  expect((await fetch(url('/console/state.json'))).status).toBe(401);
  for (const path of ['/healthz', '/readyz', '/']) expect((await fetch(url(path))).status).toBe(200);
});

test('a stop closes the listener, also under a client that keeps its connection', async () => {
  broker = await startTestBroker({ config: HTTP });
  const where = url('/healthz');
  expect((await fetch(where)).status).toBe(200);
  await broker.halt();
  await expect(fetch(where)).rejects.toThrow();
});

test('without the setting nothing listens', async () => {
  broker = await startTestBroker();
  expect(broker.running.facts.httpPort).toBeNull();
});

/** As it stands on the wire. */
function raw(request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(broker.running.facts.httpPort!, '127.0.0.1');
    let answer = '';
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
    socket.on('error', reject).on('close', () => resolve(answer));
    socket.write(request);
  });
}
