// What a group has committed. Owner: the main thread.

import { ErrorCode } from '../engine/base/error-code.ts';
import type { ClusterClient } from '../net/kafka/client/cluster-client.ts';
import { KafkaError } from '../net/kafka/client/kafka-connection.ts';
import { offsetFetchApi } from '../net/kafka/schema/generated/offset-fetch.ts';

const BATCHED_OFFSET_FETCH_SINCE = 8;
/** From 10 on answers name topics by id; the command line prefers names. */
const OFFSET_FETCH_VERSION_MAX = 9;

/** Offsets by partition, by topic; empty for a group that does not exist. */
export async function committedOffsets(cluster: ClusterClient, id: string): Promise<Map<string, Map<number, number>>> {
  const { errorCode, topics } = await cluster.askCoordinator(
    id,
    async (coordinator) => {
      const version = Math.min(coordinator.versionOf(offsetFetchApi), OFFSET_FETCH_VERSION_MAX);
      const batched = version >= BATCHED_OFFSET_FETCH_SINCE;
      const request = batched ? { groups: [{ groupId: id, topics: null }] } : { groupId: id, topics: null };
      const response = await coordinator.call(offsetFetchApi, request, version);
      return batched ? response.groups[0]! : response;
    },
    (answer) => answer.errorCode,
  );
  if (errorCode !== ErrorCode.NONE) throw new KafkaError(errorCode, `offsets of group ${id}`);
  const found = new Map<string, Map<number, number>>();
  for (const { name, partitions } of topics) {
    const committed = partitions.filter(({ committedOffset }) => committedOffset >= 0);
    if (committed.length > 0) found.set(name, new Map(committed.map((one) => [one.partitionIndex, one.committedOffset])));
  }
  return found;
}
