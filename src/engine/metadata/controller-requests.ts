// What the controller is asked and what it answers: plain objects, one answer per item, in the order asked.
// Owner: shared words of the controller (main thread) and the handlers, which reach it through rings. Not hot.

import type { MetadataDelta } from './metadata-delta.ts';
import type { MetadataImage } from './metadata-image.ts';

/** Kafka's numbers for what a config belongs to. */
export const ResourceType = { TOPIC: 2, BROKER: 4, BROKER_LOGGER: 8, CLIENT_METRICS: 16, GROUP: 32 } as const;

/** Kafka's numbers for IncrementalAlterConfigs. */
export const ConfigOperation = { SET: 0, DELETE: 1, APPEND: 2, SUBTRACT: 3 } as const;

export interface ItemResult {
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

export interface ConfigAssignment {
  readonly name: string;
  readonly value: string | null;
}

interface ReplicaAssignment {
  readonly partitionIndex: number;
  readonly nodeIds: readonly number[];
}

export interface CreatableTopic {
  readonly name: string;
  /** -1: num.partitions, or the length of `assignments`. */
  readonly partitionCount: number;
  /** -1: default.replication.factor. */
  readonly replicationFactor: number;
  /** When not empty the two numbers above must be -1. */
  readonly assignments: readonly ReplicaAssignment[];
  readonly configs: readonly ConfigAssignment[];
}

export interface CreateTopicsRequest {
  readonly topics: readonly CreatableTopic[];
  readonly validateOnly: boolean;
}

interface CreatedTopicConfig {
  readonly name: string;
  readonly value: string | null;
  readonly readOnly: boolean;
  /** A ConfigSource. */
  readonly source: number;
  readonly isSensitive: boolean;
}

export interface CreateTopicResult extends ItemResult {
  readonly name: string;
  /** ZERO_UUID on errors and when only validated. */
  readonly topicId: string;
  /** -1 on errors, as the replication factor. */
  readonly partitionCount: number;
  readonly replicationFactor: number;
  readonly configs: readonly CreatedTopicConfig[];
}

export interface DeletableTopic {
  readonly name: string | null;
  /** ZERO_UUID: by name. */
  readonly topicId: string;
}

export interface DeleteTopicsRequest {
  readonly topics: readonly DeletableTopic[];
}

export interface DeleteTopicResult extends ItemResult {
  readonly name: string | null;
  readonly topicId: string;
}

export interface CreatePartitionsTopic {
  readonly name: string;
  /** The total wanted, not the increase. */
  readonly count: number;
  /** One list of node ids for each new partition, or null. */
  readonly assignments: readonly (readonly number[])[] | null;
}

export interface CreatePartitionsRequest {
  readonly topics: readonly CreatePartitionsTopic[];
  readonly validateOnly: boolean;
}

export interface CreatePartitionsResult extends ItemResult {
  readonly name: string;
}

export interface ConfigChange {
  readonly name: string;
  /** A ConfigOperation. */
  readonly operation: number;
  readonly value: string | null;
}

export interface ConfigResource {
  /** A ResourceType. */
  readonly type: number;
  /** Topic name; node id in decimal, or '' for the default of all brokers. */
  readonly name: string;
}

export interface IncrementalAlterConfigsRequest {
  readonly resources: readonly (ConfigResource & { readonly configs: readonly ConfigChange[] })[];
  readonly validateOnly: boolean;
}

/** Replaces all overrides of a resource. */
export interface AlterConfigsRequest {
  readonly resources: readonly (ConfigResource & { readonly configs: readonly ConfigAssignment[] })[];
  readonly validateOnly: boolean;
}

export interface AlterConfigsResult extends ItemResult, ConfigResource {}

export interface DescribeConfigsRequest {
  /** keys null: all. */
  readonly resources: readonly (ConfigResource & { readonly keys: readonly string[] | null })[];
  readonly includeSynonyms: boolean;
  readonly includeDocumentation: boolean;
}

export interface DescribedConfig extends CreatedTopicConfig {
  /** Kafka's number of the type. */
  readonly type: number;
  readonly documentation: string | null;
  readonly synonyms: readonly { readonly name: string; readonly value: string | null; readonly source: number }[];
}

export interface DescribeConfigsResult extends ItemResult, ConfigResource {
  readonly configs: readonly DescribedConfig[];
}

/** Producer ids firstProducerId .. firstProducerId + count - 1 are the caller's for ever. */
export interface ProducerIdBlock {
  readonly firstProducerId: number;
  readonly count: number;
}

export interface NodeRegistration {
  readonly nodeId: number;
  readonly shard: number;
  /** The first one is what a client gets that came in through an unknown listener. */
  readonly endpoints: readonly { readonly listener: string; readonly host: string; readonly port: number }[];
  readonly rack: string | null;
}

/** Called after each change that is durable, in order; the delta leads from the image of the call before. */
export type ImageListener = (image: MetadataImage, delta: MetadataDelta) => void;

/** The controller as handlers and coordinators see it; Controller implements it, a ring proxy may. */
export interface ControllerVerbs {
  createTopics(request: CreateTopicsRequest): Promise<CreateTopicResult[]>;
  deleteTopics(request: DeleteTopicsRequest): Promise<DeleteTopicResult[]>;
  createPartitions(request: CreatePartitionsRequest): Promise<CreatePartitionsResult[]>;
  incrementalAlterConfigs(request: IncrementalAlterConfigsRequest): Promise<AlterConfigsResult[]>;
  alterConfigs(request: AlterConfigsRequest): Promise<AlterConfigsResult[]>;
  describeConfigs(request: DescribeConfigsRequest): Promise<DescribeConfigsResult[]>;
  /** With the broker's defaults. A topic that exists already answers NONE: somebody else was quicker. */
  autoCreateTopics(names: readonly string[]): Promise<CreateTopicResult[]>;
  /** Creates an internal topic unless it is there; any other name answers INVALID_REQUEST. */
  ensureInternalTopic(name: string): Promise<CreateTopicResult>;
  allocateProducerIds(): Promise<ProducerIdBlock>;
}
