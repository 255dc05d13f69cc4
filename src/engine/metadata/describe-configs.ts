// DescribeConfigs, of topics and of brokers. Owner: the controller (main thread). Pure. Not hot.

import { CLUSTER_DEFAULT } from './metadata-image.ts';
import { ErrorCode } from '../base/error-code.ts';
import { FINE, refusal } from './controller-view.ts';
import { ResourceType } from './controller-requests.ts';
import { brokerLayers } from './broker-layers.ts';
import { describeBrokerConfigs, describeClusterDefaults, describeTopicConfigs } from '../base/config-description.ts';
import type { BrokerSettings } from '../base/config-broker.ts';
import type { ConfigDescription } from '../base/config-description.ts';
import type { ConfigResource, DescribeConfigsRequest, DescribeConfigsResult, DescribedConfig, ItemResult } from './controller-requests.ts';
import type { MetadataImage } from './metadata-image.ts';

/** Needs no more than an image, so a shard can answer from its own. */
export function describeConfigs(settings: BrokerSettings, image: MetadataImage, request: DescribeConfigsRequest): DescribeConfigsResult[] {
  return request.resources.map(({ type, name, keys }) => {
    const found = descriptions(settings, image, { type, name });
    if ('errorCode' in found) return { ...found, type, name, configs: [] };
    const wanted = keys === null ? found : found.filter((config) => keys.includes(config.name));
    return { ...FINE, type, name, configs: wanted.map((config) => trimmed(config, request)) };
  });
}

function descriptions(
  settings: BrokerSettings,
  image: MetadataImage,
  { type, name }: ConfigResource,
): readonly ConfigDescription[] | ItemResult {
  if (type === ResourceType.TOPIC) {
    const topic = image.topic(name);
    if (topic === undefined) return refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `there is no topic '${name}'`);
    return describeTopicConfigs(topic.configs, brokerLayers(settings, image, null));
  }
  if (type === ResourceType.BROKER) {
    if (name === CLUSTER_DEFAULT) return describeClusterDefaults(image.brokerConfigs.get(CLUSTER_DEFAULT) ?? {});
    const nodeId = Number(name);
    if (!image.nodes.has(nodeId)) return refusal(ErrorCode.INVALID_REQUEST, `there is no broker '${name}'`);
    return describeBrokerConfigs(brokerLayers(settings, image, nodeId));
  }
  return refusal(ErrorCode.INVALID_REQUEST, `configs of resource type ${type} are not kept here`);
}

function trimmed(config: ConfigDescription, request: DescribeConfigsRequest): DescribedConfig {
  return {
    ...config,
    synonyms: request.includeSynonyms ? config.synonyms : [],
    documentation: request.includeDocumentation ? config.documentation : null,
  };
}
