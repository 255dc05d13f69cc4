// A cluster as the command line sees it: connections by node, leaders by partition, coordinators by group.
// Owner: the calling thread. Not hot. It speaks to any Kafka 2.1 or later, not only to Ringlog.

import { ErrorCode } from '../../../engine/base/error-code.ts';
import { findCoordinatorApi } from '../schema/generated/find-coordinator.ts';
import { listOffsetsApi } from '../schema/generated/list-offsets.ts';
import { metadataApi, type MetadataResponse, type MetadataResponseTopic } from '../schema/generated/metadata.ts';
import { KafkaConnection, KafkaConnectionError, KafkaError } from './kafka-connection.ts';

/** ListOffsets' special times. */
export const LATEST = -1;
export const EARLIEST = -2;

const BATCHED_COORDINATORS_SINCE = 4;
const SETTLING: readonly number[] = [
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.NOT_COORDINATOR,
];
const RETRY_MS = 100;
const RETRIES = 50;

export class ClusterClient {
  private readonly seed: KafkaConnection;
  private readonly byAddress = new Map<string, Promise<KafkaConnection>>();
  private metadata: MetadataResponse | null = null;

  private constructor(seed: KafkaConnection) {
    this.seed = seed;
  }

  /** `bootstrap`: host:port, or several separated by commas; the first that answers is used. @throws KafkaConnectionError */
  static async open(bootstrap: string): Promise<ClusterClient> {
    let failure: unknown = new KafkaConnectionError(`'${bootstrap}' names no address`);
    for (const address of bootstrap.split(',')) {
      const match = /^\[?([^\]]+?)\]?:(\d+)$/.exec(address.trim());
      if (match === null) throw new KafkaConnectionError(`'${address}' is not host:port`);
      try {
        return new ClusterClient(await KafkaConnection.open(match[1]!, Number(match[2])));
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  /** Any node: for requests that every node answers. */
  get anyNode(): KafkaConnection {
    return this.seed;
  }

  async close(): Promise<void> {
    this.seed.close();
    for (const connection of this.byAddress.values()) (await connection.catch(() => null))?.close();
  }

  /** All topics, or those named; unknown ones keep their error code. */
  async describe(names: readonly string[] | null, allowAutoTopicCreation = false): Promise<MetadataResponse> {
    const topics = names === null ? null : names.map((name) => ({ name }));
    this.metadata = await this.seed.call(metadataApi, { topics, allowAutoTopicCreation });
    return this.metadata;
  }

  /** One topic; waits a little while it is being created. @throws KafkaError when it is unknown */
  async topic(name: string, allowAutoTopicCreation = false): Promise<MetadataResponseTopic> {
    for (let attempt = 0; ; attempt++) {
      const topic = (await this.describe([name], allowAutoTopicCreation)).topics[0]!;
      const settling =
        topic.errorCode === ErrorCode.LEADER_NOT_AVAILABLE ||
        (allowAutoTopicCreation && topic.errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
      if (topic.errorCode === ErrorCode.NONE && topic.partitions.every(({ leaderId }) => leaderId >= 0)) return topic;
      if (topic.errorCode !== ErrorCode.NONE && !settling) throw new KafkaError(topic.errorCode, `topic ${name}`);
      if (attempt === RETRIES) throw new KafkaError(topic.errorCode, `topic ${name}`, 'a partition has no leader');
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /** The node that metadata names by this id. */
  node(nodeId: number): Promise<KafkaConnection> {
    const broker = this.metadata?.brokers.find((candidate) => candidate.nodeId === nodeId);
    if (broker === undefined) throw new KafkaConnectionError(`no node ${nodeId} in the cluster`);
    return this.connect(broker.host, broker.port);
  }

  async coordinator(groupId: string): Promise<KafkaConnection> {
    for (let attempt = 0; ; attempt++) {
      const batched = this.seed.versionOf(findCoordinatorApi) >= BATCHED_COORDINATORS_SINCE;
      const response = await this.seed.call(findCoordinatorApi, batched ? { keyType: 0, coordinatorKeys: [groupId] } : { key: groupId });
      const found = batched ? response.coordinators[0]! : response;
      if (found.errorCode === ErrorCode.NONE) return this.connect(found.host, found.port);
      if (found.errorCode !== ErrorCode.COORDINATOR_NOT_AVAILABLE || attempt === RETRIES)
        throw new KafkaError(found.errorCode, `coordinator of ${groupId}`);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /** Ask the group's coordinator; again while it moves or loads, as it does when it is used for the first time. */
  async askCoordinator<T>(groupId: string, ask: (coordinator: KafkaConnection) => Promise<T>, errorOf: (answer: T) => number): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const answer = await ask(await this.coordinator(groupId));
      if (!SETTLING.includes(errorOf(answer)) || attempt === RETRIES) return answer;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /** The offset of a time (or LATEST, EARLIEST) in each partition of `topic`; -1 where there is none. */
  async offsets(topic: MetadataResponseTopic, timestamp: number): Promise<Map<number, number>> {
    const byLeader = new Map<number, number[]>();
    for (const { leaderId, partitionIndex } of topic.partitions)
      byLeader.set(leaderId, [...(byLeader.get(leaderId) ?? []), partitionIndex]);
    const found = new Map<number, number>();
    for (const [leaderId, partitions] of byLeader) {
      const request = {
        replicaId: -1,
        topics: [{ name: topic.name!, partitions: partitions.map((partitionIndex) => ({ partitionIndex, timestamp })) }],
      };
      const response = await (await this.node(leaderId)).call(listOffsetsApi, request);
      for (const { partitionIndex, errorCode, offset } of response.topics[0]!.partitions) {
        if (errorCode !== ErrorCode.NONE) throw new KafkaError(errorCode, `offsets of ${topic.name}-${partitionIndex}`);
        found.set(partitionIndex, offset);
      }
    }
    return found;
  }

  private connect(host: string, port: number): Promise<KafkaConnection> {
    const address = `${host}:${port}`;
    let connection = this.byAddress.get(address);
    if (connection === undefined) this.byAddress.set(address, (connection = KafkaConnection.open(host, port)));
    return connection;
  }
}
