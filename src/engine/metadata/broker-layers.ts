// The configs of one node: what it was started with, under what the image says was changed since.
// Owner: any thread; no state. Not hot.

import { CLUSTER_DEFAULT } from './metadata-image.ts';
import type { BrokerLayers, BrokerSettings } from '../base/config-broker.ts';
import type { MetadataImage } from './metadata-image.ts';

/** `nodeId` null: as a node that has no overrides of its own, which is how topics see the brokers. */
export function brokerLayers(settings: BrokerSettings, image: MetadataImage, nodeId: number | null): BrokerLayers {
  return {
    given: settings.given,
    clusterDynamic: image.brokerConfigs.get(CLUSTER_DEFAULT) ?? {},
    nodeDynamic: nodeId === null ? {} : (image.brokerConfigs.get(String(nodeId)) ?? {}),
  };
}
