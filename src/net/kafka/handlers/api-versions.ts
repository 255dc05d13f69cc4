// ApiVersions (API key 18): what this broker speaks, from the registry that dispatch uses. Owner: the shard's thread.

import { ErrorCode } from '../../../engine/base/error-code.ts';
import { apiVersionsApi } from '../schema/generated/api-versions.ts';
import { type AnyApiHandler, apiHandler } from './api-handler.ts';
import type { ApiRegistry } from './api-registry.ts';
import { advertisedVersions } from './api-registry.ts';

/** What a client may call itself (KIP-511). */
const SOFTWARE = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/;

/** `registry` is asked for when a request comes: the handler itself is part of it. */
export function apiVersionsHandler(registry: () => ApiRegistry): AnyApiHandler {
  return apiHandler({
    api: apiVersionsApi,
    handle(context, request) {
      const { apiVersion, services } = context;
      const apiKeys = advertisedVersions(registry());
      if (apiVersion >= 3) {
        const named = SOFTWARE.test(request.clientSoftwareName) && SOFTWARE.test(request.clientSoftwareVersion);
        if (!named) return { errorCode: ErrorCode.INVALID_REQUEST, apiKeys: [] };
        context.noteSoftware(request.clientSoftwareName, request.clientSoftwareVersion);
      }
      // Version 5: a client that meant another cluster or node is told to look again (KIP-1242).
      const otherCluster = request.clusterId !== null && request.clusterId !== services.image().clusterId;
      const otherNode = request.nodeId >= 0 && request.nodeId !== services.broker.identity.nodeId;
      if (apiVersion >= 5 && (otherCluster || otherNode)) return { errorCode: ErrorCode.REBOOTSTRAP_REQUIRED, apiKeys };
      return { errorCode: ErrorCode.NONE, apiKeys };
    },
  });
}
