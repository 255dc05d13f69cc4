// The difference between two images, as plain objects that msgpackr carries through a ring.
// Owner: made by the controller (main thread), applied by every shard. Not hot: once a metadata change.
// A snapshot for a shard that starts is the delta from EMPTY_IMAGE.

import { assert } from '../base/assert.ts';
import { MetadataImage, topicImage } from './metadata-image.ts';
import type { NodeImage, TopicFacts, TopicImage } from './metadata-image.ts';

interface BrokerConfigDelta {
  /** Node id in decimal, or '' for the default of all. */
  readonly name: string;
  /** Null: none left. */
  readonly configs: Readonly<Record<string, string>> | null;
}

export interface MetadataDelta {
  readonly fromRevision: number;
  readonly toRevision: number;
  readonly clusterId: string;
  readonly controllerId: number;
  readonly nodes: readonly NodeImage[];
  readonly removedNodeIds: readonly number[];
  /** Whole topics that are new or differ. */
  readonly topics: readonly TopicFacts[];
  readonly removedTopicNames: readonly string[];
  readonly brokerConfigs: readonly BrokerConfigDelta[];
}

export function diffImages(from: MetadataImage, to: MetadataImage): MetadataDelta {
  assert(to.revision >= from.revision, 'metadata only goes forward', from.revision, to.revision);
  return {
    fromRevision: from.revision,
    toRevision: to.revision,
    clusterId: to.clusterId,
    controllerId: to.controllerId,
    // Parts that did not change are carried over by reference, so identity tells what changed.
    nodes: [...to.nodes.values()].filter((node) => from.nodes.get(node.nodeId) !== node),
    removedNodeIds: [...from.nodes.keys()].filter((id) => !to.nodes.has(id)),
    topics: [...to.topicsByName.values()].filter((topic) => from.topicsByName.get(topic.name) !== topic).map(factsOf),
    removedTopicNames: [...from.topicsByName.keys()].filter((name) => !to.topicsByName.has(name)),
    brokerConfigs: diffBrokerConfigs(from, to),
  };
}

export function applyDelta(image: MetadataImage, delta: MetadataDelta): MetadataImage {
  assert(image.revision === delta.fromRevision, 'a delta fits one image', image.revision, delta.fromRevision);
  const nodes = new Map(image.nodes);
  for (const id of delta.removedNodeIds) nodes.delete(id);
  for (const node of delta.nodes) nodes.set(node.nodeId, node);
  const brokerConfigs = new Map(image.brokerConfigs);
  for (const { name, configs } of delta.brokerConfigs) {
    if (configs === null) brokerConfigs.delete(name);
    else brokerConfigs.set(name, configs);
  }
  return new MetadataImage({
    revision: delta.toRevision,
    clusterId: delta.clusterId,
    controllerId: delta.controllerId,
    nodes,
    brokerConfigs,
    ...applyTopics(image, delta),
  });
}

function applyTopics(image: MetadataImage, delta: MetadataDelta) {
  if (delta.topics.length === 0 && delta.removedTopicNames.length === 0) {
    return { topicsByName: image.topicsByName, topicsById: image.topicsById };
  }
  const topicsByName = new Map(image.topicsByName);
  const topicsById = new Map(image.topicsById);
  const forget = (name: string): TopicImage | undefined => {
    const old = topicsByName.get(name);
    if (old === undefined) return undefined;
    topicsByName.delete(name);
    topicsById.delete(old.id);
    return old;
  };
  for (const name of delta.removedTopicNames) forget(name);
  for (const facts of delta.topics) {
    const old = topicsByName.get(facts.name);
    const topic = topicImage(facts);
    if (old !== undefined && old.id === topic.id) assertEpochsForward(old, topic);
    if (old !== undefined && old.id !== topic.id) topicsById.delete(old.id);
    topicsByName.set(topic.name, topic);
    topicsById.set(topic.id, topic);
  }
  return { topicsByName, topicsById };
}

function assertEpochsForward(old: TopicImage, topic: TopicImage): void {
  assert(topic.partitions.length >= old.partitions.length, 'a topic never loses partitions', topic.name);
  for (const before of old.partitions) {
    const after = topic.partitions[before.index]!;
    assert(
      after.leaderEpoch >= before.leaderEpoch,
      'a leader epoch never goes back',
      topic.name,
      before.index,
      before.leaderEpoch,
      after.leaderEpoch,
    );
  }
}

function diffBrokerConfigs(from: MetadataImage, to: MetadataImage): BrokerConfigDelta[] {
  const changed: BrokerConfigDelta[] = [];
  for (const [name, configs] of to.brokerConfigs) {
    if (from.brokerConfigs.get(name) !== configs) changed.push({ name, configs });
  }
  for (const name of from.brokerConfigs.keys()) {
    if (!to.brokerConfigs.has(name)) changed.push({ name, configs: null });
  }
  return changed;
}

function factsOf({ name, id, internal, partitions, configs }: TopicImage): TopicFacts {
  return { name, id, internal, partitions, configs };
}
