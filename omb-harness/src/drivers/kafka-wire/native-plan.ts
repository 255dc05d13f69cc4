// What a native worker is told beside the LoadPlan: where every partition is and begins, and the ids of idempotent producers.
// Owner: the thread that opens the load. Not hot.

import { ErrorCode } from '../../../../src/engine/base/error-code.ts';
import { type ClusterClient, EARLIEST, LATEST } from '../../../../src/net/kafka/client/cluster-client.ts';
import { KafkaError } from '../../../../src/net/kafka/client/kafka-connection.ts';
import { fetchApi } from '../../../../src/net/kafka/schema/generated/fetch.ts';
import { initProducerIdApi } from '../../../../src/net/kafka/schema/generated/init-producer-id.ts';
import { produceApi } from '../../../../src/net/kafka/schema/generated/produce.ts';
import { DriverError } from '../../contracts/driver.ts';
import type { LoadPlan } from '../../contracts/load-plan.ts';
import { patiently } from './patiently.ts';
import type { Leader } from './wire-producer.ts';

/** As native/wire.h has them. */
const PRODUCE_VERSION = 9;
const FETCH_VERSION = 12;
const TRANSACTION_TIMEOUT_MS = 60_000;
const NOT_IDEMPOTENT = { idempotentId: -1, idempotentEpoch: -1 };

/** @param settings of the producers or consumers that the plan has, every one of them given */
export async function nativePlan(
  cluster: ClusterClient,
  plan: LoadPlan,
  settings: Readonly<Record<string, string>>,
  leadersOf: (topic: string) => Promise<readonly Leader[]>,
): Promise<object> {
  if (cluster.anyNode.versionOf(produceApi) < PRODUCE_VERSION || cluster.anyNode.versionOf(fetchApi) < FETCH_VERSION)
    throw new DriverError(`the native load workers speak Produce ${PRODUCE_VERSION} and Fetch ${FETCH_VERSION}: Kafka 2.7 or later`);
  const names = new Set([...plan.producers.map(({ topic }) => topic), ...plan.consumers.flatMap((consumer) => consumer.topics)]);
  const topics: Record<string, object[]> = {};
  for (const name of names) topics[name] = await partitionsOf(cluster, name, settings, await leadersOf(name));
  const idempotent = settings['enable.idempotence'] === 'true';
  const producers = [];
  for (const producer of plan.producers)
    producers.push({ ...producer, ...(idempotent ? await patiently(() => newProducerId(cluster)) : NOT_IDEMPOTENT) });
  const consumers = [];
  for (const consumer of plan.consumers)
    consumers.push({
      ...consumer,
      coordinator: settings['group.protocol'] === 'none' ? null : await patiently(() => coordinatorOf(cluster, consumer.group)),
    });
  return { ...plan, producers, consumers, topics, producerSettings: settings, consumerSettings: settings };
}

async function coordinatorOf(cluster: ClusterClient, group: string): Promise<{ host: string; port: number }> {
  const { address } = await cluster.coordinator(group);
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}

async function partitionsOf(
  cluster: ClusterClient,
  name: string,
  settings: Readonly<Record<string, string>>,
  leaders: readonly Leader[],
): Promise<object[]> {
  const at = settings['auto.offset.reset'];
  const starts =
    at === undefined ? null : await patiently(async () => cluster.offsets(await cluster.topic(name), at === 'latest' ? LATEST : EARLIEST));
  return leaders.map(({ partition, host, port }) => ({ partition, leader: { host, port }, startOffset: starts?.get(partition) ?? 0 }));
}

async function newProducerId(cluster: ClusterClient): Promise<{ idempotentId: number; idempotentEpoch: number }> {
  const request = { transactionalId: null, transactionTimeoutMs: TRANSACTION_TIMEOUT_MS };
  const { errorCode, producerId, producerEpoch } = await cluster.anyNode.call(initProducerIdApi, request);
  if (errorCode !== ErrorCode.NONE) throw new KafkaError(errorCode, 'an id for an idempotent producer');
  return { idempotentId: producerId, idempotentEpoch: producerEpoch };
}
