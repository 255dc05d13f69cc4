// `ringlog group …`: consumer groups, their members, committed offsets and lag. Owner: the main thread.

import { ErrorCode } from '../engine/base/error-code.ts';
import { ByteReader } from '../engine/base/byte-reader.ts';
import { consumerProtocolAssignmentSchema } from '../engine/coordinator/records/generated/consumer-protocol.ts';
import { type ClusterClient, LATEST } from '../net/kafka/client/cluster-client.ts';
import { KafkaError } from '../net/kafka/client/kafka-connection.ts';
import { deleteGroupsApi } from '../net/kafka/schema/generated/delete-groups.ts';
import { describeGroupsApi, type DescribeGroupsResponseDescribedGroup } from '../net/kafka/schema/generated/describe-groups.ts';
import { listGroupsApi } from '../net/kafka/schema/generated/list-groups.ts';
import { offsetFetchApi } from '../net/kafka/schema/generated/offset-fetch.ts';
import { type CommonOptions, print, printRows, withCluster } from './output.ts';

const BATCHED_OFFSET_FETCH_SINCE = 8;
/** From 10 on answers name topics by id; the command line prefers names. */
const OFFSET_FETCH_VERSION_MAX = 9;

export async function listGroups(options: CommonOptions): Promise<void> {
  await withCluster(options, async (cluster) => {
    const { brokers } = await cluster.describe([]);
    const rows: Record<string, unknown>[] = [];
    for (const { nodeId } of brokers) {
      const { groups, errorCode } = await (await cluster.node(nodeId)).call(listGroupsApi, { statesFilter: [], typesFilter: [] });
      if (errorCode !== ErrorCode.NONE) throw new KafkaError(errorCode, `groups of node ${nodeId}`);
      for (const { groupId, protocolType, groupState, groupType } of groups) {
        rows.push({ group: groupId, type: groupType, protocol: protocolType, state: groupState });
      }
    }
    printRows(rows, options.json, 'no groups');
  });
}

export async function describeGroup(id: string, options: CommonOptions): Promise<void> {
  await withCluster(options, async (cluster) => {
    const { groups } = await (await cluster.coordinator(id)).call(describeGroupsApi, { groups: [id] });
    const group = groups[0]!;
    if (group.errorCode !== ErrorCode.NONE) throw new KafkaError(group.errorCode, `group ${id}`, group.errorMessage);
    const offsets = await lagOf(cluster, id, ownersOf(group));
    if (options.json === true) {
      const members = group.members.map(({ memberId, groupInstanceId, clientId, clientHost }) => ({
        memberId,
        groupInstanceId,
        clientId,
        clientHost,
      }));
      print(JSON.stringify({ group: id, state: group.groupState, protocol: group.protocolData, members, offsets }));
      return;
    }
    print(`${id}  ${group.groupState}${group.protocolData === '' ? '' : `, ${group.protocolData}`}, ${group.members.length} members`);
    printRows(offsets, false, 'no committed offsets');
  });
}

export async function deleteGroups(ids: readonly string[], options: CommonOptions): Promise<void> {
  await withCluster(options, async (cluster) => {
    for (const id of ids) {
      const { results } = await (await cluster.coordinator(id)).call(deleteGroupsApi, { groupsNames: [id] });
      const { errorCode } = results[0]!;
      if (errorCode !== ErrorCode.NONE) throw new KafkaError(errorCode, `delete group ${id}`);
      print(`deleted ${id}`);
    }
  });
}

/** Member id by `topic-partition`. */
function ownersOf({ members, protocolType }: DescribeGroupsResponseDescribedGroup): Map<string, string> {
  const owners = new Map<string, string>();
  if (protocolType !== 'consumer') return owners;
  for (const { memberId, memberAssignment } of members) {
    if (memberAssignment.length < 2) continue;
    const reader = new ByteReader(memberAssignment);
    const version = Math.min(reader.int16(), consumerProtocolAssignmentSchema.maxVersion);
    for (const { topic, partitions } of consumerProtocolAssignmentSchema.decode(reader, version).assignedPartitions) {
      for (const partition of partitions) owners.set(`${topic}-${partition}`, memberId);
    }
  }
  return owners;
}

async function lagOf(cluster: ClusterClient, id: string, owners: ReadonlyMap<string, string>): Promise<Record<string, unknown>[]> {
  const coordinator = await cluster.coordinator(id);
  const version = Math.min(coordinator.versionOf(offsetFetchApi), OFFSET_FETCH_VERSION_MAX);
  const batched = version >= BATCHED_OFFSET_FETCH_SINCE;
  const response = await coordinator.call(
    offsetFetchApi,
    batched ? { groups: [{ groupId: id, topics: null }] } : { groupId: id, topics: null },
    version,
  );
  const topics = batched ? response.groups[0]!.topics : response.topics;
  const rows: Record<string, unknown>[] = [];
  for (const { name, partitions } of topics) {
    const ends = await cluster.offsets(await cluster.topic(name), LATEST);
    for (const { partitionIndex, committedOffset } of partitions) {
      if (committedOffset < 0) continue;
      const end = ends.get(partitionIndex) ?? -1;
      rows.push({
        topic: name,
        partition: partitionIndex,
        committed: committedOffset,
        end,
        lag: end < 0 ? null : Math.max(0, end - committedOffset),
        member: owners.get(`${name}-${partitionIndex}`) ?? null,
      });
    }
  }
  return rows.sort((a, b) =>
    `${a.topic}` < `${b.topic}` ? -1 : `${a.topic}` > `${b.topic}` ? 1 : Number(a.partition) - Number(b.partition),
  );
}
