// A request that makes sense for every API and version this broker advertises. Owner: tests; pure.
//
// Each names what the fixture prepared, so that answers carry rows and not only errors: a field that a version cannot
// express shows only when it has a value.

import { alterConfigsApi } from '../../../../src/net/kafka/schema/generated/alter-configs.ts';
import { apiVersionsApi } from '../../../../src/net/kafka/schema/generated/api-versions.ts';
import { createPartitionsApi } from '../../../../src/net/kafka/schema/generated/create-partitions.ts';
import { createTopicsApi } from '../../../../src/net/kafka/schema/generated/create-topics.ts';
import { deleteGroupsApi } from '../../../../src/net/kafka/schema/generated/delete-groups.ts';
import { deleteRecordsApi } from '../../../../src/net/kafka/schema/generated/delete-records.ts';
import { deleteTopicsApi } from '../../../../src/net/kafka/schema/generated/delete-topics.ts';
import { describeClusterApi } from '../../../../src/net/kafka/schema/generated/describe-cluster.ts';
import { describeConfigsApi } from '../../../../src/net/kafka/schema/generated/describe-configs.ts';
import { describeGroupsApi } from '../../../../src/net/kafka/schema/generated/describe-groups.ts';
import { describeLogDirsApi } from '../../../../src/net/kafka/schema/generated/describe-log-dirs.ts';
import { describeProducersApi } from '../../../../src/net/kafka/schema/generated/describe-producers.ts';
import { describeTopicPartitionsApi } from '../../../../src/net/kafka/schema/generated/describe-topic-partitions.ts';
import { fetchApi } from '../../../../src/net/kafka/schema/generated/fetch.ts';
import { findCoordinatorApi } from '../../../../src/net/kafka/schema/generated/find-coordinator.ts';
import { heartbeatApi } from '../../../../src/net/kafka/schema/generated/heartbeat.ts';
import { incrementalAlterConfigsApi } from '../../../../src/net/kafka/schema/generated/incremental-alter-configs.ts';
import { initProducerIdApi } from '../../../../src/net/kafka/schema/generated/init-producer-id.ts';
import { joinGroupApi } from '../../../../src/net/kafka/schema/generated/join-group.ts';
import { leaveGroupApi } from '../../../../src/net/kafka/schema/generated/leave-group.ts';
import { listConfigResourcesApi } from '../../../../src/net/kafka/schema/generated/list-config-resources.ts';
import { listGroupsApi } from '../../../../src/net/kafka/schema/generated/list-groups.ts';
import { listOffsetsApi } from '../../../../src/net/kafka/schema/generated/list-offsets.ts';
import { listPartitionReassignmentsApi } from '../../../../src/net/kafka/schema/generated/list-partition-reassignments.ts';
import { metadataApi } from '../../../../src/net/kafka/schema/generated/metadata.ts';
import { offsetCommitApi } from '../../../../src/net/kafka/schema/generated/offset-commit.ts';
import { offsetDeleteApi } from '../../../../src/net/kafka/schema/generated/offset-delete.ts';
import { offsetFetchApi } from '../../../../src/net/kafka/schema/generated/offset-fetch.ts';
import { offsetForLeaderEpochApi } from '../../../../src/net/kafka/schema/generated/offset-for-leader-epoch.ts';
import { produceApi } from '../../../../src/net/kafka/schema/generated/produce.ts';
import { syncGroupApi } from '../../../../src/net/kafka/schema/generated/sync-group.ts';
import { expect } from 'vitest';
import { produce, type RawClient, textBatch, type AnyApi } from '../../../support/broker.ts';

/** What the fixture prepared. */
export interface Prepared {
  readonly topic: string;
  readonly topicId: string;
  /** A group with one member that has its assignment. */
  readonly group: string;
  readonly generation: number;
  readonly memberId: string;
  /** An empty group with committed offsets of partition 1. */
  readonly emptyGroup: string;
}

export interface Plausible {
  readonly api: AnyApi;
  readonly requestOf: (version: number, prepared: Prepared) => unknown;
  /** Errors that are right besides none. */
  readonly errors?: readonly number[];
}

/** `topic`, which has two partitions, gets records, and two groups come into being. */
export async function preparedBy(client: RawClient, topic: string, topicId: string): Promise<Prepared> {
  const batch = textBatch(['x', 'y', 'z'], { producerId: 5, producerEpoch: 0, baseSequence: 0 });
  const written = await produce(client, topic, batch, { acks: -1 });
  expect(written.errorCode).toBe(0);
  // Finding the coordinator makes the offsets topic.
  const found = await client.call(findCoordinatorApi, 4, { coordinatorKeys: ['members', 'empty'] });
  expect(found.coordinators.map(({ errorCode }) => errorCode)).toEqual([0, 0]);
  const member = { groupId: 'members', sessionTimeoutMs: 60_000, protocolType: 'consumer' };
  const protocols = [{ name: 'range', metadata: Buffer.from('m') }];
  const joined = await client.call(joinGroupApi, 3, { ...member, memberId: '', protocols });
  expect(joined.errorCode).toBe(0);
  const { memberId, generationId } = joined;
  const synced = await client.call(syncGroupApi, 3, {
    groupId: 'members',
    generationId,
    memberId,
    assignments: [{ memberId, assignment: Buffer.from('a') }],
  });
  expect(synced.errorCode).toBe(0);
  const partitions = [{ partitionIndex: 1, committedOffset: 3, committedMetadata: 'note' }];
  const committed = await client.call(offsetCommitApi, 8, { groupId: 'empty', memberId: '', topics: [{ name: topic, partitions }] });
  expect(committed.topics[0]!.partitions[0]!.errorCode).toBe(0);
  return { topic, topicId, group: 'members', generation: generationId, memberId, emptyGroup: 'empty' };
}

/** Every error code of an answer, wherever it stands. */
export function errorsIn(value: unknown, found: number[] = []): number[] {
  if (Array.isArray(value)) for (const element of value) errorsIn(element, found);
  else if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    for (const [name, member] of Object.entries(value)) {
      if (name === 'errorCode') found.push(member as number);
      else errorsIn(member, found);
    }
  }
  return found;
}

const BYTES = Buffer.from('assignment');

/** Names things apart from one version to the next. */
let fresh = 0;

function row<ReqInput>(
  api: { readonly encodeRequest: (w: never, m: ReqInput, version: number) => void },
  requestOf: (version: number, prepared: Prepared) => ReqInput,
  errors: readonly number[] = [],
): Plausible {
  return { api: api as unknown as AnyApi, requestOf, errors };
}

/** Present from this version on, and otherwise left out. */
function since<T extends object>(version: number, first: number, fields: T): Partial<T> {
  return version >= first ? fields : {};
}

export const plausibleRequests: readonly Plausible[] = [
  row(produceApi, (version, { topic, topicId }) => ({
    acks: -1,
    timeoutMs: 5000,
    topicData: [{ ...(version >= 13 ? { topicId } : { name: topic }), partitionData: [{ index: 0, records: textBatch(['a', 'b']) }] }],
  })),
  row(fetchApi, (version, { topic, topicId }) => ({
    ...(version <= 14 ? { replicaId: -1 } : {}),
    maxWaitMs: 10,
    minBytes: 1,
    sessionEpoch: version >= 7 ? 0 : -1,
    topics: [
      {
        ...(version >= 13 ? { topicId } : { topic }),
        partitions: [
          { partition: 0, fetchOffset: 0, partitionMaxBytes: 1 << 16, ...since(version, 9, { currentLeaderEpoch: 0 }) },
          { partition: 1, fetchOffset: 0, partitionMaxBytes: 1 << 16 },
        ],
      },
    ],
    ...since(version, 11, { rackId: 'here' }),
  })),
  row(listOffsetsApi, (version, { topic }) => ({
    replicaId: -1,
    ...since(version, 2, { isolationLevel: 1 }),
    topics: [
      {
        name: topic,
        partitions: [-1, -2, 0].map((timestamp) => ({ partitionIndex: 0, timestamp, ...since(version, 4, { currentLeaderEpoch: 0 }) })),
      },
    ],
    ...since(version, 10, { timeoutMs: 1000 }),
  })),
  row(metadataApi, (version, { topic }) => ({
    topics: version === 0 ? [] : [{ name: topic }],
    ...since(version, 4, { allowAutoTopicCreation: false }),
    ...(version >= 8 && version <= 10 ? { includeClusterAuthorizedOperations: true } : {}),
    ...since(version, 8, { includeTopicAuthorizedOperations: true }),
  })),
  row(offsetCommitApi, (version, { emptyGroup, topic, topicId }) => ({
    groupId: emptyGroup,
    memberId: '',
    topics: [
      {
        ...(version >= 10 ? { topicId } : { name: topic }),
        partitions: [
          { partitionIndex: 1, committedOffset: 7, committedMetadata: 'note', ...since(version, 6, { committedLeaderEpoch: 0 }) },
        ],
      },
    ],
  })),
  row(offsetFetchApi, (version, { emptyGroup, topic, topicId }) => {
    if (version < 8) {
      return { groupId: emptyGroup, topics: [{ name: topic, partitionIndexes: [0, 1] }], ...since(version, 7, { requireStable: true }) };
    }
    const named = version >= 10 ? { topicId } : { name: topic };
    const groups = [
      { groupId: emptyGroup, topics: [{ ...named, partitionIndexes: [0, 1] }] },
      { groupId: emptyGroup, topics: null },
    ];
    return { groups, requireStable: true };
  }),
  row(findCoordinatorApi, (version, { group }) => (version >= 4 ? { coordinatorKeys: [group, 'other'] } : { key: group })),
  // 79: from version 4 on a member is first given its name.
  row(
    joinGroupApi,
    (version) => ({
      groupId: `joined-${fresh++}`,
      sessionTimeoutMs: 30_000,
      ...since(version, 1, { rebalanceTimeoutMs: 30_000 }),
      memberId: '',
      ...since(version, 5, { groupInstanceId: `instance-${fresh++}` }),
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: BYTES }],
      ...since(version, 8, { reason: 'test' }),
    }),
    [79],
  ),
  row(syncGroupApi, (version, { group, generation, memberId }) => ({
    groupId: group,
    generationId: generation,
    memberId,
    ...since(version, 5, { protocolType: 'consumer', protocolName: 'range' }),
    assignments: [{ memberId, assignment: BYTES }],
  })),
  row(heartbeatApi, (_version, { group, generation, memberId }) => ({ groupId: group, generationId: generation, memberId })),
  // 25: nobody of that name.
  row(
    leaveGroupApi,
    (version, { group }) => (version < 3 ? { groupId: group, memberId: 'nobody' } : { groupId: group, members: [{ memberId: 'nobody' }] }),
    [25],
  ),
  // 69: from version 6 on a group that is not there is an error.
  row(
    describeGroupsApi,
    (version, { group, emptyGroup }) => ({
      groups: [group, emptyGroup, 'absent'],
      ...since(version, 3, { includeAuthorizedOperations: true }),
    }),
    [69],
  ),
  row(listGroupsApi, (version) => ({
    ...since(version, 4, { statesFilter: ['Stable', 'Empty'] }),
    ...since(version, 5, { typesFilter: ['classic'] }),
  })),
  row(apiVersionsApi, (version) => since(version, 3, { clientSoftwareName: 'test', clientSoftwareVersion: '1.0' })),
  row(createTopicsApi, (_version) => ({
    topics: [
      {
        name: `created-${fresh++}`,
        numPartitions: 1,
        replicationFactor: 1,
        assignments: [],
        configs: [{ name: 'retention.ms', value: '1000' }],
      },
    ],
  })),
  // 3: no such topic.
  row(
    deleteTopicsApi,
    (version) => ({ timeoutMs: 1000, ...(version >= 6 ? { topics: [{ name: 'missing', topicId: ZERO }] } : { topicNames: ['missing'] }) }),
    [3],
  ),
  row(deleteRecordsApi, (_version, { topic }) => ({
    topics: [{ name: topic, partitions: [{ partitionIndex: 0, offset: 0 }] }],
    timeoutMs: 1000,
  })),
  row(initProducerIdApi, () => ({ transactionalId: null, transactionTimeoutMs: 1000 })),
  row(offsetForLeaderEpochApi, (version, { topic }) => ({
    ...since(version, 3, { replicaId: -1 }),
    topics: [{ topic, partitions: [{ partition: 0, currentLeaderEpoch: 0, leaderEpoch: 0 }] }],
  })),
  row(describeConfigsApi, (version, { topic }) => ({
    resources: [
      { resourceType: 2, resourceName: topic, configurationKeys: null },
      { resourceType: 4, resourceName: '1', configurationKeys: ['log.retention.ms', 'listeners'] },
    ],
    includeSynonyms: true,
    ...since(version, 3, { includeDocumentation: true }),
  })),
  row(alterConfigsApi, (_version, { topic }) => ({
    resources: [{ resourceType: 2, resourceName: topic, configs: [{ name: 'retention.ms', value: '86400000' }] }],
    validateOnly: true,
  })),
  row(describeLogDirsApi, (_version, { topic }) => ({ topics: [{ topic, partitions: [0, 1] }] })),
  row(createPartitionsApi, (_version, { topic }) => ({
    topics: [{ name: topic, count: 5, assignments: null }],
    timeoutMs: 1000,
    validateOnly: true,
  })),
  // 69: no such group.
  row(deleteGroupsApi, () => ({ groupsNames: ['missing'] }), [69]),
  row(incrementalAlterConfigsApi, (_version, { topic }) => ({
    resources: [{ resourceType: 2, resourceName: topic, configs: [{ name: 'retention.ms', configOperation: 0, value: '86400000' }] }],
    validateOnly: true,
  })),
  row(listPartitionReassignmentsApi, () => ({ topics: null })),
  row(offsetDeleteApi, (_version, { emptyGroup, topic }) => ({
    groupId: emptyGroup,
    topics: [{ name: topic, partitions: [{ partitionIndex: 0 }] }],
  })),
  row(describeClusterApi, (version) => ({ includeClusterAuthorizedOperations: true, ...since(version, 1, { endpointType: 1 }) })),
  row(describeProducersApi, (_version, { topic }) => ({ topics: [{ name: topic, partitionIndexes: [0] }] })),
  row(describeTopicPartitionsApi, (_version, { topic }) => ({ topics: [{ name: topic }], responsePartitionLimit: 1, cursor: null })),
  row(listConfigResourcesApi, (version) => since(version, 1, { resourceTypes: [] })),
];

const ZERO = 'AAAAAAAAAAAAAAAAAAAAAA';
