// Admin: topics, configs, groups, offsets and records of an open log, by the broker's own operations. Owner: the calling
// thread. Not hot.

import { ErrorCode } from '../engine/base/error-code.ts';
import { ZERO_UUID } from '../engine/base/uuid.ts';
import type { LogDirPartition } from '../engine/broker/partition-verbs.ts';
import { ConfigOperation, type ControllerVerbs, type CreatableTopic, ResourceType } from '../engine/metadata/controller-requests.ts';
import type { Caller } from '../workers/caller/caller.ts';
import { abortable, type AbortOptions } from './abortable.ts';
import { checkPlace, checkTopics, checkTopicSpec } from './check-options.ts';
import { checkCode, RinglogError } from './ringlog-error.ts';
import { untilLoaded } from './until-loaded.ts';

export interface TopicSpec {
  /** The broker's num.partitions when absent. */
  readonly partitions?: number;
  /** Kafka's topic configs, as `{ 'cleanup.policy': 'compact' }`. */
  readonly configs?: Readonly<Record<string, string | number | boolean>>;
}

export interface TopicDescription {
  readonly name: string;
  readonly id: string;
  readonly internal: boolean;
  readonly partitions: number;
  /** Overrides only. */
  readonly configs: Readonly<Record<string, string>>;
}

export interface ConfigValue {
  readonly name: string;
  readonly value: string | null;
  /** Set for this topic or broker; otherwise a default. */
  readonly overridden: boolean;
  readonly readOnly: boolean;
}

export interface GroupSummary {
  readonly groupId: string;
  readonly state: string;
  readonly protocolType: string;
}

export interface GroupDescription extends GroupSummary {
  readonly protocol: string;
  readonly members: readonly { readonly memberId: string; readonly instanceId: string | null; readonly clientId: string }[];
}

export interface PartitionOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface CommittedOffset extends PartitionOffset {
  readonly metadata: string;
}

/** Where in a partition: its first record, behind its last, or the first record at or after a time in milliseconds. */
export type OffsetSpec = 'earliest' | 'latest' | { readonly timestamp: number };

const EARLIEST = -2;
const LATEST = -1;
/** DescribeConfigs' number of a default that nobody has changed. */
const DEFAULT_CONFIG = 5;
const TOPIC_CONFIG = 1;

/**
 * Every call that waits takes a signal. Aborted, the caller waits no more; what the broker has been asked already may still
 * happen.
 */
export class Admin {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** @throws RinglogError TOPIC_ALREADY_EXISTS, INVALID_TOPIC_EXCEPTION, INVALID_PARTITIONS, INVALID_CONFIG … */
  async createTopic(name: string, spec: TopicSpec = {}, { signal }: AbortOptions = {}): Promise<void> {
    const [result] = await this.#createTopics([creatable(name, spec)], signal);
    checkCode(result!.errorCode, `topic ${name} is not created`, result!.errorMessage);
  }

  /** Create what does not exist; what does stays as it is, with the partitions it has. */
  async ensureTopics(topics: Readonly<Record<string, TopicSpec | number>>, { signal }: AbortOptions = {}): Promise<void> {
    checkTopics(topics);
    const missing = Object.entries(topics).filter(([name]) => this.#caller.image.topic(name) === undefined);
    signal?.throwIfAborted();
    if (missing.length === 0) return;
    const specs = missing.map(([name, spec]) => creatable(name, typeof spec === 'number' ? { partitions: spec } : spec));
    const results = await this.#createTopics(specs, signal);
    for (const { name, errorCode, errorMessage } of results) {
      if (errorCode !== ErrorCode.TOPIC_ALREADY_EXISTS) checkCode(errorCode, `topic ${name} is not created`, errorMessage);
    }
  }

  async deleteTopic(name: string, { signal }: AbortOptions = {}): Promise<void> {
    const topics = [{ name, topicId: ZERO_UUID }];
    const [result] = await abortable(signal, () => this.#caller.controller.deleteTopics({ topics }));
    checkCode(result!.errorCode, `topic ${name} is not deleted`, result!.errorMessage);
  }

  /** `count` is the total wanted. */
  async createPartitions(topic: string, count: number, { signal }: AbortOptions = {}): Promise<void> {
    const topics = [{ name: topic, count, assignments: null }];
    const [result] = await abortable(signal, () => this.#caller.controller.createPartitions({ topics, validateOnly: false }));
    checkCode(result!.errorCode, `topic ${topic} does not get ${count} partitions`, result!.errorMessage);
  }

  /** Internal topics (`__consumer_offsets`) only when asked for. */
  listTopics(options: { readonly internal?: boolean } = {}): TopicDescription[] {
    const all = [...this.#caller.image.topicsByName.values()];
    return all
      .filter(({ internal }) => !internal || options.internal === true)
      .map(({ name, id, internal, partitions, configs }) => ({ name, id, internal, partitions: partitions.length, configs }));
  }

  /** @throws RinglogError UNKNOWN_TOPIC_OR_PARTITION */
  describeTopic(name: string): TopicDescription {
    const topic = this.#caller.image.topic(name);
    if (topic === undefined) throw new RinglogError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${name}`);
    const { id, internal, partitions, configs } = topic;
    return { name, id, internal, partitions: partitions.length, configs };
  }

  async describeTopicConfigs(topic: string, { signal }: AbortOptions = {}): Promise<ConfigValue[]> {
    const question = {
      resources: [{ type: ResourceType.TOPIC, name: topic, keys: null }],
      includeSynonyms: false,
      includeDocumentation: false,
    };
    const [result] = await abortable(signal, () => this.#caller.controller.describeConfigs(question));
    checkCode(result!.errorCode, `configs of ${topic}`, result!.errorMessage);
    return result!.configs.map(({ name, value, source, readOnly }) => ({
      name,
      value,
      overridden: source !== DEFAULT_CONFIG && source === TOPIC_CONFIG,
      readOnly,
    }));
  }

  /** null takes an override away. */
  async alterTopicConfigs(
    topic: string,
    configs: Readonly<Record<string, string | number | boolean | null>>,
    { signal }: AbortOptions = {},
  ): Promise<void> {
    const changes = Object.entries(configs).map(([name, value]) => ({
      name,
      operation: value === null ? ConfigOperation.DELETE : ConfigOperation.SET,
      value: value === null ? null : String(value),
    }));
    const resources = [{ type: ResourceType.TOPIC, name: topic, configs: changes }];
    const [result] = await abortable(signal, () => this.#caller.controller.incrementalAlterConfigs({ resources, validateOnly: false }));
    checkCode(result!.errorCode, `configs of ${topic} are not changed`, result!.errorMessage);
  }

  /** -1 with a timestamp behind the last record. */
  async offsets(topic: string, spec: OffsetSpec, { signal }: AbortOptions = {}): Promise<PartitionOffset[]> {
    checkPlace('the place', spec);
    const { partitions } = this.describeTopic(topic);
    const timestamp = spec === 'earliest' ? EARLIEST : spec === 'latest' ? LATEST : spec.timestamp;
    const queries = Array.from({ length: partitions }, (_, partition) => ({
      topic,
      partition,
      currentLeaderEpoch: -1,
      timestamp,
      readCommitted: true,
    }));
    const answers = await abortable(signal, () => this.#caller.partitions.listOffsets(queries));
    return answers.map(({ errorCode, offset }, partition) => {
      checkCode(errorCode, `offsets of ${topic}-${partition}`);
      return { topic, partition, offset };
    });
  }

  /** Nothing below `offset` is readable any more; 'latest' empties the partition. @returns where the partition begins now */
  async deleteRecords(topic: string, partition: number, offset: number | 'latest', { signal }: AbortOptions = {}): Promise<number> {
    const query = { topic, partition, offset: offset === 'latest' ? -1 : offset };
    const [answer] = await abortable(signal, () => this.#caller.partitions.deleteRecords([query]));
    checkCode(answer!.errorCode, `records of ${topic}-${partition} are not deleted`);
    return answer!.lowWatermark;
  }

  /** Bytes and end offsets of all partitions. */
  async describeLogDirs({ signal }: AbortOptions = {}): Promise<readonly LogDirPartition[]> {
    return abortable(signal, () => this.#caller.partitions.describeLogDirs());
  }

  async listGroups({ signal }: AbortOptions = {}): Promise<GroupSummary[]> {
    const { groups } = await untilLoaded('groups', () => this.#caller.groups.listGroups({ states: [], types: [] }), signal);
    return groups.map(({ groupId, state, protocolType }) => ({ groupId, state, protocolType }));
  }

  /** @throws RinglogError GROUP_ID_NOT_FOUND */
  async describeGroup(groupId: string, { signal }: AbortOptions = {}): Promise<GroupDescription> {
    const { state, protocolType, protocolData, members } = await untilLoaded(
      `group ${groupId}`,
      () => this.#caller.groups.describeGroup({ groupId }),
      signal,
    );
    return {
      groupId,
      state,
      protocolType,
      protocol: protocolData,
      members: members.map(({ memberId, groupInstanceId, clientId }) => ({ memberId, instanceId: groupInstanceId, clientId })),
    };
  }

  /** @throws RinglogError NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND */
  async deleteGroup(groupId: string, { signal }: AbortOptions = {}): Promise<void> {
    await untilLoaded(`group ${groupId} is not deleted`, () => this.#caller.groups.deleteGroup({ groupId }), signal);
  }

  /** What the group has committed. */
  async groupOffsets(groupId: string, { signal }: AbortOptions = {}): Promise<CommittedOffset[]> {
    const answer = await untilLoaded(
      `offsets of group ${groupId}`,
      () => this.#caller.groups.fetchOffsets({ groupId, topics: null, requireStable: true }),
      signal,
    );
    return answer.topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partition, offset, metadata }) => ({ topic: name, partition, offset, metadata })),
    );
  }

  /** For a group without members. @throws RinglogError UNKNOWN_MEMBER_ID when it has some */
  async setGroupOffsets(groupId: string, offsets: readonly PartitionOffset[], { signal }: AbortOptions = {}): Promise<void> {
    const topics = offsets.map(({ topic, partition, offset }) => ({
      name: topic,
      partitions: [{ partition, offset, leaderEpoch: -1, metadata: null }],
    }));
    const outside = { generationId: -1, memberId: '', groupInstanceId: null, retentionTimeMs: -1, tellsGroupNotFound: true };
    const commit = async (): Promise<{ errorCode: number }> => {
      const answer = await this.#caller.groups.commitOffsets({ groupId, ...outside, topics });
      const failed = answer.topics.flatMap(({ partitions }) => partitions).find(({ errorCode }) => errorCode !== ErrorCode.NONE);
      return { errorCode: failed?.errorCode ?? ErrorCode.NONE };
    };
    await untilLoaded(`offsets of group ${groupId} are not set`, commit, signal);
  }

  #createTopics(topics: readonly CreatableTopic[], signal: AbortSignal | undefined): ReturnType<ControllerVerbs['createTopics']> {
    return abortable(signal, () => this.#caller.controller.createTopics({ topics, validateOnly: false }));
  }
}

function creatable(name: string, spec: TopicSpec): CreatableTopic {
  checkTopicSpec(name, spec);
  const { partitions = -1, configs = {} } = spec;
  return {
    name,
    partitionCount: partitions,
    replicationFactor: -1,
    assignments: [],
    configs: Object.entries(configs).map(([key, value]) => ({ name: key, value: String(value) })),
  };
}
