// `ringlog topic …`: create, list, describe, configure and delete topics. Owner: the main thread.

import { ErrorCode } from '../engine/base/error-code.ts';
import { ZERO_UUID } from '../engine/base/uuid.ts';
import { EARLIEST, LATEST } from '../net/kafka/client/cluster-client.ts';
import { KafkaError } from '../net/kafka/client/kafka-connection.ts';
import { createTopicsApi } from '../net/kafka/schema/generated/create-topics.ts';
import { deleteTopicsApi } from '../net/kafka/schema/generated/delete-topics.ts';
import { describeConfigsApi } from '../net/kafka/schema/generated/describe-configs.ts';
import { incrementalAlterConfigsApi } from '../net/kafka/schema/generated/incremental-alter-configs.ts';
import { type CommonOptions, pairs, print, printRows, withCluster } from './output.ts';

const TIMEOUT_MS = 30_000;
const RESOURCE_TOPIC = 2;
const SOURCE_TOPIC = 1;
const SET = 0;
const UNSET = 1;

export async function createTopic(name: string, options: CommonOptions & { partitions?: number; config: string[] }): Promise<void> {
  await withCluster(options, async (cluster) => {
    const { topics } = await cluster.anyNode.call(createTopicsApi, {
      topics: [{ name, numPartitions: options.partitions ?? -1, replicationFactor: -1, assignments: [], configs: pairs(options.config) }],
      timeoutMs: TIMEOUT_MS,
    });
    const { errorCode, errorMessage, topicId, numPartitions } = topics[0]!;
    if (errorCode !== ErrorCode.NONE) throw new KafkaError(errorCode, `create ${name}`, errorMessage);
    if (options.json === true) print(JSON.stringify({ topic: name, id: topicId, partitions: numPartitions }));
    else print(`created ${name} with ${numPartitions} partition${numPartitions === 1 ? '' : 's'}`);
  });
}

export async function listTopics(options: CommonOptions & { internal?: boolean }): Promise<void> {
  await withCluster(options, async (cluster) => {
    const { topics } = await cluster.describe(null);
    const rows = topics
      .filter(({ isInternal }) => options.internal === true || !isInternal)
      .map(({ name, topicId, partitions }) => ({ topic: name!, partitions: partitions.length, id: topicId }))
      .sort((a, b) => (a.topic < b.topic ? -1 : 1));
    printRows(rows, options.json, 'no topics');
  });
}

export async function describeTopic(name: string, options: CommonOptions): Promise<void> {
  await withCluster(options, async (cluster) => {
    const topic = await cluster.topic(name);
    const starts = await cluster.offsets(topic, EARLIEST);
    const ends = await cluster.offsets(topic, LATEST);
    const rows = topic.partitions
      .map(({ partitionIndex, leaderId, leaderEpoch }) => ({
        partition: partitionIndex,
        leader: leaderId,
        epoch: leaderEpoch,
        start: starts.get(partitionIndex)!,
        end: ends.get(partitionIndex)!,
      }))
      .sort((a, b) => a.partition - b.partition);
    const resource = { resourceType: RESOURCE_TOPIC, resourceName: name, configurationKeys: null };
    const { results } = await cluster.anyNode.call(describeConfigsApi, { resources: [resource] });
    const configs = results[0]!.configs
      .filter(({ configSource }) => configSource === SOURCE_TOPIC)
      .map((config) => [config.name, config.value]);
    if (options.json === true) {
      print(JSON.stringify({ topic: name, id: topic.topicId, configs: Object.fromEntries(configs), partitions: rows }));
      return;
    }
    print(`${name}  id ${topic.topicId}${configs.length === 0 ? '' : `  ${configs.map(([key, value]) => `${key}=${value}`).join(' ')}`}`);
    printRows(rows, false);
  });
}

export async function configureTopic(name: string, options: CommonOptions & { set: string[]; unset: string[] }): Promise<void> {
  await withCluster(options, async (cluster) => {
    const configs = [
      ...pairs(options.set).map((pair) => ({ ...pair, configOperation: SET })),
      ...options.unset.map((key) => ({ name: key, value: null, configOperation: UNSET })),
    ];
    const request = { resources: [{ resourceType: RESOURCE_TOPIC, resourceName: name, configs }], validateOnly: false };
    const { responses } = await cluster.anyNode.call(incrementalAlterConfigsApi, request);
    const { errorCode, errorMessage } = responses[0]!;
    if (errorCode !== ErrorCode.NONE) throw new KafkaError(errorCode, `config of ${name}`, errorMessage);
    if (options.json === true) {
      const set = Object.fromEntries(pairs(options.set).map((pair) => [pair.name, pair.value]));
      print(JSON.stringify({ topic: name, set, unset: options.unset }));
    } else print(`configured ${name}`);
  });
}

export async function deleteTopics(names: readonly string[], options: CommonOptions): Promise<void> {
  await withCluster(options, async (cluster) => {
    const byState = cluster.anyNode.versionOf(deleteTopicsApi) >= 6;
    const topics = byState ? names.map((name) => ({ name, topicId: ZERO_UUID })) : [];
    const { responses } = await cluster.anyNode.call(deleteTopicsApi, { topics, topicNames: byState ? [] : names, timeoutMs: TIMEOUT_MS });
    for (const { name, errorCode, errorMessage } of responses) {
      if (errorCode !== ErrorCode.NONE) throw new KafkaError(errorCode, `delete ${name}`, errorMessage);
      print(options.json === true ? JSON.stringify({ topic: name, deleted: true }) : `deleted ${name}`);
    }
  });
}
