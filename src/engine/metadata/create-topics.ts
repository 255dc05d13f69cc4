// CreateTopics, automatic creation and internal topics: which topics come to be, and where their partitions live.
// Owner: the controller (main thread). Pure. Not hot.

import { CLUSTER_METADATA_TOPIC, internalTopic } from './internal-topics.ts';
import { ErrorCode } from '../base/error-code.ts';
import { FINE, refusal, repeated } from './controller-view.ts';
import { ShardAssignment } from './shard-assignment.ts';
import { ZERO_UUID } from '../base/uuid.ts';
import { brokerLayers } from './broker-layers.ts';
import { describeTopicConfigs } from '../base/config-description.ts';
import { effectiveBrokerConfig } from '../base/config-broker.ts';
import { newPartitions } from './new-partitions.ts';
import { topicCollisionKey, topicNameProblem } from '../base/topic-name.ts';
import { topicOverridesProblem } from '../base/config-topic.ts';
import type { ControllerView, MetadataChange, Plan } from './controller-view.ts';
import type { CreatableTopic, CreateTopicResult, CreateTopicsRequest, ItemResult } from './controller-requests.ts';
import type { TopicFacts } from './metadata-image.ts';

/** More in one request would hold up everybody else's changes. */
export const PARTITIONS_PER_REQUEST_MAX = 10_000;

const UNSET = -1;

export function planCreateTopics(view: ControllerView, request: CreateTopicsRequest): Plan<CreateTopicResult> {
  const planning = new CreationPlan(view, request.validateOnly);
  const twice = repeated(request.topics.map((topic) => topic.name));
  for (const topic of request.topics) {
    if (twice.has(topic.name)) planning.refuse(topic.name, ErrorCode.INVALID_REQUEST, 'the request names this topic twice');
    else planning.create(topic, internalTopic(topic.name, view.settings.config) !== null);
  }
  return planning;
}

/** Topics that clients asked for by using them. One that is there already is as good as created. */
export function planAutoCreateTopics(view: ControllerView, names: readonly string[]): Plan<CreateTopicResult> {
  const planning = new CreationPlan(view, false);
  for (const name of new Set(names)) {
    const internal = internalTopic(name, view.settings.config);
    if (planning.existing(name)) continue;
    if (internal === null && !view.settings.config['auto.create.topics.enable']) {
      planning.refuse(name, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, 'auto.create.topics.enable is false');
    } else planning.create(creatable(name, internal), internal !== null);
  }
  return planning;
}

export function planInternalTopic(view: ControllerView, name: string): Plan<CreateTopicResult> {
  const planning = new CreationPlan(view, false);
  const internal = internalTopic(name, view.settings.config);
  if (internal === null) planning.refuse(name, ErrorCode.INVALID_REQUEST, `'${name}' is no internal topic`);
  else if (!planning.existing(name)) planning.create(creatable(name, internal), true);
  return planning;
}

function creatable(name: string, internal: ReturnType<typeof internalTopic>): CreatableTopic {
  return {
    name,
    partitionCount: internal?.partitionCount ?? UNSET,
    replicationFactor: UNSET,
    assignments: [],
    configs: Object.entries(internal?.configs ?? {}).map(([key, value]) => ({ name: key, value })),
  };
}

/** The topics of one request: each placed with the ones before it in mind. */
class CreationPlan implements Plan<CreateTopicResult> {
  readonly results: CreateTopicResult[] = [];
  readonly changes: MetadataChange[] = [];
  private readonly view: ControllerView;
  private readonly validateOnly: boolean;
  private readonly assignment: ShardAssignment;
  private readonly nameByCollisionKey: Map<string, string>;
  private partitionsPlanned = 0;

  constructor(view: ControllerView, validateOnly: boolean) {
    this.view = view;
    this.validateOnly = validateOnly;
    this.assignment = new ShardAssignment(view.image, view.shardNodeIds.length, view.directories);
    this.nameByCollisionKey = new Map(Array.from(view.image.topicsByName.keys(), (name) => [topicCollisionKey(name), name]));
  }

  refuse(name: string, errorCode: number, errorMessage: string): void {
    this.results.push(failure(name, refusal(errorCode, errorMessage)));
  }

  /** Answers with the topic as it is; false when there is none. */
  existing(name: string): boolean {
    const topic = this.view.image.topic(name);
    if (topic !== undefined) this.results.push(this.success(topic, topic.id));
    return topic !== undefined;
  }

  create(topic: CreatableTopic, internal: boolean): void {
    const problem = this.nameProblem(topic.name) ?? this.configProblem(topic) ?? this.countProblem(topic);
    if (problem !== null) {
      this.results.push(failure(topic.name, problem));
      return;
    }
    const placed = newPartitions(this.view, this.assignment, {
      firstIndex: 0,
      count: this.partitionCount(topic),
      nodeIds: nodeIdsByPartition(topic),
    });
    if (!placed.ok) {
      this.results.push(failure(topic.name, placed.problem));
      return;
    }
    const created: TopicFacts = {
      name: topic.name,
      id: this.validateOnly ? ZERO_UUID : this.view.uuids.next(),
      internal,
      partitions: placed.partitions,
      configs: overridesOf(topic),
    };
    this.nameByCollisionKey.set(topicCollisionKey(topic.name), topic.name);
    this.partitionsPlanned += created.partitions.length;
    if (!this.validateOnly) this.changes.push({ kind: 'put-topic', topic: created });
    this.results.push(this.success(created, created.id));
  }

  private nameProblem(name: string): ItemResult | null {
    const problem = topicNameProblem(name);
    if (problem !== null) return refusal(ErrorCode.INVALID_TOPIC_EXCEPTION, problem);
    if (name === CLUSTER_METADATA_TOPIC) return refusal(ErrorCode.INVALID_REQUEST, `'${name}' is a name Kafka keeps for itself`);
    const other = this.nameByCollisionKey.get(topicCollisionKey(name));
    if (other === undefined) return null;
    if (other === name) return refusal(ErrorCode.TOPIC_ALREADY_EXISTS, `Topic '${name}' already exists.`);
    return refusal(
      ErrorCode.INVALID_TOPIC_EXCEPTION,
      `'${name}' differs from the existing topic '${other}' only in '.' and '_', which metrics cannot tell apart`,
    );
  }

  private configProblem(topic: CreatableTopic): ItemResult | null {
    const twice = [...repeated(topic.configs.map(({ name }) => name))];
    if (twice.length > 0) return refusal(ErrorCode.INVALID_CONFIG, `config ${twice.join(', ')} is given twice`);
    const unset = topic.configs.find(({ value }) => value === null);
    if (unset !== undefined) return refusal(ErrorCode.INVALID_CONFIG, `config ${unset.name} has no value`);
    const problem = topicOverridesProblem(overridesOf(topic), brokerLayers(this.view.settings, this.view.image, null));
    return problem === null ? null : refusal(ErrorCode.INVALID_CONFIG, problem);
  }

  private countProblem(topic: CreatableTopic): ItemResult | null {
    if (topic.assignments.length > 0) {
      if (topic.partitionCount !== UNSET || topic.replicationFactor !== UNSET) {
        return refusal(ErrorCode.INVALID_REQUEST, 'with a manual assignment both partition count and replication factor are -1');
      }
      const indexes = topic.assignments.map(({ partitionIndex }) => partitionIndex).toSorted((a, b) => a - b);
      if (indexes.some((index, i) => index !== i)) {
        return refusal(
          ErrorCode.INVALID_REPLICA_ASSIGNMENT,
          `a manual assignment names each partition from 0 once, not ${indexes.join(', ')}`,
        );
      }
    }
    if (topic.partitionCount === 0 || topic.partitionCount < UNSET) {
      return refusal(ErrorCode.INVALID_PARTITIONS, `a topic has at least 1 partition, not ${topic.partitionCount}`);
    }
    if (topic.replicationFactor !== UNSET && topic.replicationFactor !== 1) {
      return refusal(ErrorCode.INVALID_REPLICATION_FACTOR, this.replicationProblem(topic.replicationFactor));
    }
    if (this.partitionsPlanned + this.partitionCount(topic) > PARTITIONS_PER_REQUEST_MAX) {
      return refusal(ErrorCode.POLICY_VIOLATION, `one request creates at most ${PARTITIONS_PER_REQUEST_MAX} partitions`);
    }
    return null;
  }

  private replicationProblem(factor: number): string {
    if (factor < 1) return `a partition has at least 1 copy, not ${factor}`;
    const nodes = this.view.image.nodes.size;
    const shards = nodes > 1 ? ` The ${nodes} nodes are shards of one process: a second copy would share its disk and its fate.` : '';
    return `a single process keeps 1 copy of each partition, not ${factor}.${shards}`;
  }

  private partitionCount(topic: CreatableTopic): number {
    if (topic.assignments.length > 0) return topic.assignments.length;
    if (topic.partitionCount !== UNSET) return topic.partitionCount;
    return effectiveBrokerConfig(brokerLayers(this.view.settings, this.view.image, null))['num.partitions'];
  }

  private success(topic: TopicFacts, topicId: string): CreateTopicResult {
    const layers = brokerLayers(this.view.settings, this.view.image, null);
    return {
      ...FINE,
      name: topic.name,
      topicId,
      partitionCount: topic.partitions.length,
      replicationFactor: 1,
      configs: describeTopicConfigs(topic.configs, layers).map(({ name, value, readOnly, source, isSensitive }) => ({
        name,
        value,
        readOnly,
        source,
        isSensitive,
      })),
    };
  }
}

/** Without a value a config was refused before. */
function overridesOf(topic: CreatableTopic): Record<string, string> {
  return Object.fromEntries(topic.configs.map(({ name, value }) => [name, (value ?? '').trim()]));
}

function nodeIdsByPartition(topic: CreatableTopic): readonly (readonly number[])[] | null {
  if (topic.assignments.length === 0) return null;
  return topic.assignments.toSorted((a, b) => a.partitionIndex - b.partitionIndex).map(({ nodeIds }) => nodeIds);
}

function failure(name: string, result: ItemResult): CreateTopicResult {
  return { ...result, name, topicId: ZERO_UUID, partitionCount: -1, replicationFactor: -1, configs: [] };
}
