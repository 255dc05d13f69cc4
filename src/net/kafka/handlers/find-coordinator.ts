// FindCoordinator (API key 10): which node answers for a group. Owner: the shard's thread.

import { ErrorCode } from '../../../engine/base/error-code.ts';
import { coordinatorPartitionIndex } from '../../../engine/coordinator/coordinator-partition-index.ts';
import { CONSUMER_OFFSETS_TOPIC } from '../../../engine/metadata/internal-topics.ts';
import type { MetadataImage } from '../../../engine/metadata/metadata-image.ts';
import { findCoordinatorApi } from '../schema/generated/find-coordinator.ts';
import { apiHandler, type RequestContext } from './api-handler.ts';
import { addressOf } from './metadata.ts';

const KeyType = { GROUP: 0, TRANSACTION: 1 } as const;
/** From this version on a request asks for any number of keys. */
const BATCHED_SINCE = 4;

interface Found {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
}

export const findCoordinatorHandler = apiHandler({
  api: findCoordinatorApi,
  async handle(context, request) {
    const keys = context.apiVersion >= BATCHED_SINCE ? request.coordinatorKeys : [request.key];
    const refused = refusal(request.keyType) ?? (await ensureTopic(context));
    const image = context.services.image();
    const coordinators = keys.map((key) => ({ key, ...(refused ?? nodeOf(image, key, context.listener)) }));
    return context.apiVersion >= BATCHED_SINCE ? { coordinators } : coordinators[0]!;
  },
});

function notFound(errorCode: number, errorMessage: string): Found {
  return { errorCode, errorMessage, nodeId: -1, host: '', port: -1 };
}

function refusal(keyType: number): Found | null {
  switch (keyType) {
    case KeyType.GROUP:
      return null;
    case KeyType.TRANSACTION:
      // As InitProducerId answers; any error about the coordinator would have clients ask again for ever.
      return notFound(ErrorCode.UNSUPPORTED_VERSION, 'transactions are not supported');
    default:
      return notFound(ErrorCode.INVALID_REQUEST, `no coordinator for key type ${keyType}`);
  }
}

/** The first group of all brings its topic into being. @returns why that did not work */
async function ensureTopic({ services }: RequestContext): Promise<Found | null> {
  if (services.image().topic(CONSUMER_OFFSETS_TOPIC) !== undefined) return null;
  const { errorCode, errorMessage } = await services.controller.ensureInternalTopic(CONSUMER_OFFSETS_TOPIC);
  if (errorCode !== ErrorCode.NONE)
    return notFound(ErrorCode.COORDINATOR_NOT_AVAILABLE, errorMessage ?? 'the topic of groups cannot be created');
  const seen = await services.imageWith(
    (image) => image.topic(CONSUMER_OFFSETS_TOPIC) !== undefined,
    services.config['request.timeout.ms'],
  );
  return seen ? null : notFound(ErrorCode.COORDINATOR_NOT_AVAILABLE, 'the topic of groups is being created');
}

function nodeOf(image: MetadataImage, groupId: string, listener: string): Found {
  const partitions = image.topic(CONSUMER_OFFSETS_TOPIC)!.partitions;
  const leader = partitions[coordinatorPartitionIndex(groupId, partitions.length)]!.leaderNodeId;
  const node = image.nodes.get(leader);
  if (node === undefined) return notFound(ErrorCode.COORDINATOR_NOT_AVAILABLE, 'the partition of this group has no leader');
  return { errorCode: ErrorCode.NONE, errorMessage: null, nodeId: node.nodeId, ...addressOf(node, listener) };
}
