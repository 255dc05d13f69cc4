// The numbers under the names that Kafka's users have in their dashboards and alerts: those of kafka_exporter
// (kafka_topic_…, kafka_consumergroup_…) and of the JMX exporter's rules for Kafka. Owner: pure. Not hot.
//
// Per-second rates of JMX are left to whoever queries: a counter is all that is needed for them.

import type { BrokerReading, GroupState, TopicState } from '../../../engine/metadata/broker-reading.ts';
import { sumHistograms } from '../../../engine/metadata/broker-reading.ts';
import { apiNames } from '../api-names.ts';
import type { BrokerFaceFacts } from '../broker-view.ts';
import { family, type MetricFamily } from './metric-family.ts';

export function kafkaFamilies(reading: BrokerReading, facts: BrokerFaceFacts | null): MetricFamily[] {
  return [
    ...exporterFamilies(reading, facts),
    ...groupFamilies(reading.groups),
    ...topicFamilies(reading.topics),
    ...logFamilies(reading),
    ...brokerFamilies(reading),
  ];
}

function exporterFamilies({ partitions }: BrokerReading, facts: BrokerFaceFacts | null): MetricFamily[] {
  const nodes = facts?.addresses ?? [];
  const counts = new Map<string, number>();
  for (const { topic } of partitions) counts.set(topic, (counts.get(topic) ?? 0) + 1);
  return [
    family('gauge', 'kafka_brokers', 'Nodes that clients are told of.', [nodes.length], (count) => [{}, count]),
    family('gauge', 'kafka_broker_info', 'One a node.', nodes, ({ nodeId, host, port }) => [{ id: nodeId, address: `${host}:${port}` }, 1]),
    family('gauge', 'kafka_topic_partitions', 'Partitions of the topic.', [...counts], ([topic, count]) => [{ topic }, count]),
    family('gauge', 'kafka_topic_partition_current_offset', 'High watermark.', partitions, ({ topic, index, highWatermark }) => [
      { topic, partition: index },
      highWatermark,
    ]),
    family(
      'gauge',
      'kafka_topic_partition_oldest_offset',
      'First offset that is still there.',
      partitions,
      ({ topic, index, startOffset }) => [{ topic, partition: index }, startOffset],
    ),
    ...replicaFamilies(partitions, nodes),
  ];
}

/** One replica, which leads; it is in sync unless its directory has failed. */
function replicaFamilies(partitions: BrokerReading['partitions'], nodes: BrokerFaceFacts['addresses']): MetricFamily[] {
  const gauge = (name: string, help: string, of: (partition: (typeof partitions)[number]) => number | null): MetricFamily =>
    family('gauge', `kafka_topic_partition_${name}`, help, partitions, (one) => [{ topic: one.topic, partition: one.index }, of(one)]);
  return [
    gauge('leader', 'Node that leads.', ({ shard }) => (nodes[shard] ?? nodes[0])?.nodeId ?? null),
    gauge('replicas', 'Replicas, of which this process has one.', () => 1),
    gauge('in_sync_replica', 'Replicas that take appends.', ({ failed }) => (failed ? 0 : 1)),
    gauge('under_replicated_partition', '1: it takes no append.', ({ failed }) => (failed ? 1 : 0)),
  ];
}

function groupFamilies(groups: readonly GroupState[]): MetricFamily[] {
  const offsets = groups.flatMap(({ groupId, offsets: own }) => own.map((offset) => ({ groupId, ...offset })));
  const sums = new Map<string, { readonly groupId: string; readonly topic: string; offset: number; lag: number }>();
  for (const { groupId, topic, offset, lag } of offsets) {
    const key = JSON.stringify([groupId, topic]);
    const sum = sums.get(key) ?? { groupId, topic, offset: 0, lag: 0 };
    sum.offset += offset;
    sum.lag += lag ?? 0;
    sums.set(key, sum);
  }
  return [
    family('gauge', 'kafka_consumergroup_members', 'Members of the group.', groups, ({ groupId, members }) => [
      { consumergroup: groupId },
      members,
    ]),
    family(
      'gauge',
      'kafka_consumergroup_current_offset',
      'Offset that the group has committed.',
      offsets,
      ({ groupId, topic, partition, offset }) => [{ consumergroup: groupId, topic, partition }, offset],
    ),
    family(
      'gauge',
      'kafka_consumergroup_current_offset_sum',
      'Committed offsets of all partitions of the topic.',
      [...sums.values()],
      ({ groupId, topic, offset }) => [{ consumergroup: groupId, topic }, offset],
    ),
    family(
      'gauge',
      'kafka_consumergroup_lag',
      'Records between the committed offset and the high watermark.',
      offsets,
      ({ groupId, topic, partition, lag }) => [{ consumergroup: groupId, topic, partition }, lag],
    ),
    family(
      'gauge',
      'kafka_consumergroup_lag_sum',
      'Lag over all partitions of the topic.',
      [...sums.values()],
      ({ groupId, topic, lag }) => [{ consumergroup: groupId, topic }, lag],
    ),
    family('gauge', 'kafka_coordinator_group_groupmetadatamanager_numgroups', 'Groups, by JMX.', [groups.length], (count) => [{}, count]),
  ];
}

function topicFamilies(topics: readonly TopicState[]): MetricFamily[] {
  const counter = (name: string, help: string, of: (topic: TopicState) => number): MetricFamily =>
    family('counter', `kafka_server_brokertopicmetrics_${name}_total`, help, topics, (topic) => [{ topic: topic.topic }, of(topic)]);
  return [
    counter('messagesin', 'Records appended.', ({ recordsIn }) => recordsIn),
    counter('bytesin', 'Bytes of batches appended.', ({ bytesIn }) => bytesIn),
    counter('bytesout', 'Bytes of batches sent to consumers.', ({ bytesOut }) => bytesOut),
    counter('totalproducerequests', 'Partitions of Produce requests answered.', ({ produces }) => produces),
    counter('failedproducerequests', 'Those answered with an error.', ({ producesFailed }) => producesFailed),
    counter('totalfetchrequests', 'Partitions of Fetch requests answered.', ({ fetches }) => fetches),
    counter('failedfetchrequests', 'Those answered with an error.', ({ fetchesFailed }) => fetchesFailed),
  ];
}

function logFamilies({ partitions }: BrokerReading): MetricFamily[] {
  const gauge = (name: string, help: string, of: (partition: (typeof partitions)[number]) => number): MetricFamily =>
    family('gauge', `kafka_log_log_${name}`, help, partitions, (one) => [{ topic: one.topic, partition: one.index }, of(one)]);
  return [
    gauge('size', 'Bytes in the segments of the log.', ({ sizeBytes }) => sizeBytes),
    gauge('logstartoffset', 'First offset that is still there.', ({ startOffset }) => startOffset),
    gauge('logendoffset', 'Next offset to be assigned.', ({ endOffset }) => endOffset),
    gauge('numlogsegments', 'Segments of the log.', ({ segments }) => segments),
  ];
}

function brokerFamilies({ shards, partitions }: BrokerReading): MetricFamily[] {
  const alive = shards.filter((shard) => shard !== null);
  const keys = [...new Set(alive.flatMap(({ requestUs }) => [...requestUs.keys()]))].sort((a, b) => a - b);
  const requests = keys.map((key) => ({
    request: apiNames.get(key) ?? String(key),
    count: sumHistograms(alive.flatMap(({ requestUs }) => requestUs.get(key) ?? [])).count,
  }));
  const sum = (of: (shard: (typeof alive)[number]) => number): number[] => [alive.reduce((total, shard) => total + of(shard), 0)];
  const offline = partitions.filter(({ failed }) => failed).length;
  const one = (name: string, help: string, values: readonly number[]): MetricFamily =>
    family('gauge', name, help, values, (value) => [{}, value]);
  return [
    family('counter', 'kafka_network_requestmetrics_requests_total', 'Requests answered.', requests, ({ request, count }) => [
      { request },
      count,
    ]),
    one(
      'kafka_server_socket_server_metrics_connection_count',
      'Connections open now.',
      sum(({ connections }) => connections),
    ),
    family(
      'counter',
      'kafka_server_socket_server_metrics_connection_creation_total',
      'Connections accepted.',
      sum(({ connectionsAccepted }) => connectionsAccepted),
      (value) => [{}, value],
    ),
    one('kafka_server_replicamanager_partitioncount', 'Partitions of this process.', [partitions.length]),
    one('kafka_server_replicamanager_leadercount', 'Partitions that it leads: all, as there is one replica.', [partitions.length]),
    one('kafka_server_replicamanager_underreplicatedpartitions', 'The same: there is no other replica.', [offline]),
    one('kafka_controller_kafkacontroller_offlinepartitionscount', 'The same.', [offline]),
    one('kafka_controller_kafkacontroller_globaltopiccount', 'Topics.', [new Set(partitions.map(({ topic }) => topic)).size]),
    one('kafka_controller_kafkacontroller_globalpartitioncount', 'Partitions.', [partitions.length]),
    one('kafka_server_replicamanager_offlinereplicacount', 'Partitions that take no append, their directory having failed.', [offline]),
    one('kafka_controller_kafkacontroller_activecontrollercount', 'This process is its own controller.', [1]),
  ];
}
