// DescribeCluster (API key 60): the nodes and the cluster id. Owner: the shard's thread.

import { ErrorCode } from '../../../engine/base/error-code.ts';
import { describeClusterApi } from '../schema/generated/describe-cluster.ts';
import { apiHandler } from './api-handler.ts';
import { nodesOf } from './metadata.ts';

const ENDPOINT_BROKERS = 1;

export const describeClusterHandler = apiHandler({
  api: describeClusterApi,
  handle({ services, listener }, request) {
    const image = services.image();
    if (request.endpointType !== ENDPOINT_BROKERS) {
      return {
        throttleTimeMs: 0,
        errorCode: ErrorCode.MISMATCHED_ENDPOINT_TYPE,
        errorMessage: 'this is a broker, not a controller endpoint',
        clusterId: image.clusterId,
        brokers: [],
      };
    }
    return {
      throttleTimeMs: 0,
      errorCode: ErrorCode.NONE,
      endpointType: ENDPOINT_BROKERS,
      clusterId: image.clusterId,
      controllerId: image.controllerId,
      brokers: nodesOf(image, listener).map(({ nodeId, host, port, rack }) => ({ brokerId: nodeId, host, port, rack })),
    };
  },
});
