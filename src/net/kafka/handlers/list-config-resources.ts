// ListConfigResources (API key 74): what has configs of its own. Owner: the shard's thread.

import { ErrorCode } from '../../../engine/base/error-code.ts';
import { ResourceType } from '../../../engine/metadata/controller-requests.ts';
import { listConfigResourcesApi } from '../schema/generated/list-config-resources.ts';
import { apiHandler } from './api-handler.ts';

export const listConfigResourcesHandler = apiHandler({
  api: listConfigResourcesApi,
  handle({ services, apiVersion }, request) {
    const image = services.image();
    // Version 0 asks for client metrics only, of which there are none.
    const asked = apiVersion === 0 ? [ResourceType.CLIENT_METRICS] : request.resourceTypes;
    const wants = (type: number): boolean => (asked as number[]).length === 0 || (asked as number[]).includes(type);
    const known: readonly number[] = Object.values(ResourceType);
    if ((asked as number[]).some((type) => !known.includes(type))) {
      return { throttleTimeMs: 0, errorCode: ErrorCode.UNSUPPORTED_VERSION, configResources: [] };
    }
    const named = (resourceType: number, names: Iterable<string>) =>
      wants(resourceType) ? [...names].map((resourceName) => ({ resourceName, resourceType })) : [];
    const nodeIds = [...image.nodes.keys()].map(String);
    return {
      throttleTimeMs: 0,
      errorCode: ErrorCode.NONE,
      configResources: [
        ...named(ResourceType.TOPIC, image.topicsByName.keys()),
        ...named(ResourceType.BROKER, nodeIds),
        ...named(ResourceType.BROKER_LOGGER, nodeIds),
      ],
    };
  },
});
