// `ringlog group …`: consumer groups, their members, committed offsets and lag. Owner: the main thread.

import { ErrorCode } from '../engine/base/error-code.ts';
import { ByteReader } from '../engine/base/byte-reader.ts';
import { consumerProtocolAssignmentSchema } from '../engine/coordinator/records/generated/consumer-protocol.ts';
import { type ClusterClient, LATEST } from '../net/kafka/client/cluster-client.ts';
import { KafkaError } from '../net/kafka/client/kafka-connection.ts';
import { deleteGroupsApi } from '../net/kafka/schema/generated/delete-groups.ts';
import { describeGroupsApi, type DescribeGroupsResponseDescribedGroup } from '../net/kafka/schema/generated/describe-groups.ts';
import { listGroupsApi } from '../net/kafka/schema/generated/list-groups.ts';
import { committedOffsets } from './committed-offsets.ts';
import { type CommonOptions, print, printRows, withCluster } from './output.ts';

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
    const { groups } = await cluster.askCoordinator(
      id,
      (coordinator) => coordinator.call(describeGroupsApi, { groups: [id] }),
      (answer) => answer.groups[0]!.errorCode,
    );
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
      const { results } = await cluster.askCoordinator(
        id,
        (coordinator) => coordinator.call(deleteGroupsApi, { groupsNames: [id] }),
        (answer) => answer.results[0]!.errorCode,
      );
      const { errorCode } = results[0]!;
      if (errorCode !== ErrorCode.NONE) throw new KafkaError(errorCode, `delete group ${id}`);
      print(options.json === true ? JSON.stringify({ group: id, deleted: true }) : `deleted ${id}`);
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
  const rows: Record<string, unknown>[] = [];
  for (const [topic, partitions] of await committedOffsets(cluster, id)) {
    const ends = await cluster.offsets(await cluster.topic(topic), LATEST);
    for (const [partition, committed] of partitions) {
      const end = ends.get(partition) ?? -1;
      const lag = end < 0 ? null : Math.max(0, end - committed);
      rows.push({ topic, partition, committed, end, lag, member: owners.get(`${topic}-${partition}`) ?? null });
    }
  }
  return rows.sort((a, b) =>
    `${a.topic}` < `${b.topic}` ? -1 : `${a.topic}` > `${b.topic}` ? 1 : Number(a.partition) - Number(b.partition),
  );
}
