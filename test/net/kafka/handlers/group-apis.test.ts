// The group APIs from request bytes to answer bytes, in every version advertised, over a real coordinator.
import { beforeEach, describe, expect, test } from 'vitest';
import { ByteReader } from '../../../../src/engine/base/byte-reader.ts';
import { ByteWriter } from '../../../../src/engine/base/byte-writer.ts';
import { ErrorCode } from '../../../../src/engine/base/error-code.ts';
import { ZERO_UUID } from '../../../../src/engine/base/uuid.ts';
import { MetadataImage, topicImage } from '../../../../src/engine/metadata/metadata-image.ts';
import type { AnyApiHandler, RequestContext } from '../../../../src/net/kafka/handlers/api-handler.ts';
import { deleteGroupsHandler } from '../../../../src/net/kafka/handlers/delete-groups.ts';
import { describeGroupsHandler } from '../../../../src/net/kafka/handlers/describe-groups.ts';
import { findCoordinatorHandler } from '../../../../src/net/kafka/handlers/find-coordinator.ts';
import { heartbeatHandler } from '../../../../src/net/kafka/handlers/heartbeat.ts';
import { joinGroupHandler } from '../../../../src/net/kafka/handlers/join-group.ts';
import { kafkaApis } from '../../../../src/net/kafka/handlers/kafka-apis.ts';
import { leaveGroupHandler } from '../../../../src/net/kafka/handlers/leave-group.ts';
import { listGroupsHandler } from '../../../../src/net/kafka/handlers/list-groups.ts';
import { offsetCommitHandler } from '../../../../src/net/kafka/handlers/offset-commit.ts';
import { offsetDeleteHandler } from '../../../../src/net/kafka/handlers/offset-delete.ts';
import { offsetFetchHandler } from '../../../../src/net/kafka/handlers/offset-fetch.ts';
import { syncGroupHandler } from '../../../../src/net/kafka/handlers/sync-group.ts';
import type { ApiSchema } from '../../../../src/net/kafka/schema/api-schema.ts';
import { deleteGroupsApi } from '../../../../src/net/kafka/schema/generated/delete-groups.ts';
import { describeGroupsApi } from '../../../../src/net/kafka/schema/generated/describe-groups.ts';
import { findCoordinatorApi } from '../../../../src/net/kafka/schema/generated/find-coordinator.ts';
import { heartbeatApi } from '../../../../src/net/kafka/schema/generated/heartbeat.ts';
import { joinGroupApi } from '../../../../src/net/kafka/schema/generated/join-group.ts';
import { leaveGroupApi } from '../../../../src/net/kafka/schema/generated/leave-group.ts';
import { listGroupsApi } from '../../../../src/net/kafka/schema/generated/list-groups.ts';
import { offsetCommitApi } from '../../../../src/net/kafka/schema/generated/offset-commit.ts';
import { offsetDeleteApi } from '../../../../src/net/kafka/schema/generated/offset-delete.ts';
import { offsetFetchApi } from '../../../../src/net/kafka/schema/generated/offset-fetch.ts';
import { syncGroupApi } from '../../../../src/net/kafka/schema/generated/sync-group.ts';
import { CoordinatorFixture, settle, text } from '../../../engine/coordinator/coordinator-fixture.ts';

const TOPIC_ID = 'abcdefghijklmnopqrstuA';
const UNKNOWN_ID = 'zzzzzzzzzzzzzzzzzzzzzA';
const OFFSETS_TOPIC = '__consumer_offsets';

let f: CoordinatorFixture;
let image: MetadataImage;
let refuseTopic: number;

function imageWith(...names: string[]): MetadataImage {
  const partition = (index: number) => ({
    index,
    leaderNodeId: index === 3 ? -1 : 10 + index,
    leaderEpoch: 0,
    shard: 0,
    replicas: [10 + index],
    isr: [10 + index],
    directoryId: ZERO_UUID,
    logDir: '',
  });
  const topics = names.map((name) =>
    topicImage({
      name,
      id: name === 't' ? TOPIC_ID : 'bbcdefghijklmnopqrstuA',
      internal: name !== 't',
      partitions: [0, 1, 2, 3].map(partition),
      configs: {},
    }),
  );
  const node = (nodeId: number) => ({
    nodeId,
    host: 'inner',
    port: 1,
    shard: 0,
    endpoints: [{ listener: 'OUT', host: 'outer', port: nodeId }],
    rack: null,
  });
  return new MetadataImage({
    revision: 1,
    clusterId: 'c',
    controllerId: 10,
    nodes: new Map([10, 11, 12].map((id) => [id, node(id)])),
    topicsByName: new Map(topics.map((topic) => [topic.name, topic])),
    topicsById: new Map(topics.map((topic) => [topic.id, topic])),
    brokerConfigs: new Map(),
  });
}

beforeEach(async () => {
  f = await CoordinatorFixture.started();
  image = imageWith('t', OFFSETS_TOPIC);
  refuseTopic = ErrorCode.NONE;
});

/** There and back over the wire. */
async function ask<Req, Res, ReqInput, ResInput>(
  handler: AnyApiHandler,
  api: ApiSchema<Req, Res, ReqInput, ResInput>,
  apiVersion: number,
  request: ReqInput,
): Promise<Res> {
  const services = {
    groups: f.coordinator,
    config: f.config,
    image: () => image,
    controller: {
      ensureInternalTopic: async () => {
        if (refuseTopic === ErrorCode.NONE) image = imageWith('t', OFFSETS_TOPIC);
        return { errorCode: refuseTopic, errorMessage: null };
      },
    },
    imageWith: async (predicate: (image: MetadataImage) => boolean) => predicate(image),
  };
  const context = { apiVersion, clientId: 'client', clientHost: '10.0.0.1', listener: 'OUT', services } as unknown as RequestContext;
  const w = new ByteWriter();
  api.encodeRequest(w, request, apiVersion);
  const response = await handler.handle(context, handler.api.decodeRequest(new ByteReader(w.copy()), apiVersion));
  w.reset();
  handler.api.encodeResponse(w, response, apiVersion);
  const r = new ByteReader(w.copy());
  const decoded = api.decodeResponse(r, apiVersion);
  expect(r.remaining).toBe(0);
  return decoded;
}

function versions(api: { readonly minVersion: number; readonly maxVersion: number }): number[] {
  return Array.from({ length: api.maxVersion - api.minVersion + 1 }, (_, i) => api.minVersion + i);
}

const joinRequest = {
  groupId: 'g',
  sessionTimeoutMs: 10_000,
  memberId: '',
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: Buffer.from('sub') }],
};

/** A member in the only way each version allows. @returns its id; the generation is 1 */
async function joined(version: number): Promise<string> {
  const first = await ask(joinGroupHandler, joinGroupApi, version, joinRequest);
  if (version < 4) return first.memberId;
  expect(first.errorCode).toBe(ErrorCode.MEMBER_ID_REQUIRED);
  expect([first.generationId, first.protocolName]).toEqual([-1, version < 7 ? '' : null]);
  return (await ask(joinGroupHandler, joinGroupApi, version, { ...joinRequest, memberId: first.memberId })).memberId;
}

test('all are advertised, from the first version to the last', () => {
  const { ranges } = kafkaApis();
  const rows = [8, 9, 10, 11, 12, 13, 14, 15, 16, 42, 47].map((key) => [key, ranges.get(key)!.min, ranges.get(key)!.max].join(' '));
  const expected = ['8 2 10', '9 1 10', '10 0 6', '11 0 9', '12 0 4', '13 0 5', '14 0 5', '15 0 6', '16 0 5', '42 0 3', '47 0 0'];
  expect(rows).toEqual(expected);
});

describe('FindCoordinator', () => {
  test.each(versions(findCoordinatorApi))('version %d', async (version) => {
    const request = version >= 4 ? { coordinatorKeys: ['test', 'my-group'] } : { key: 'test' };
    const answer = await ask(findCoordinatorHandler, findCoordinatorApi, version, request);
    // hash 3556498 mod 4 is 2, hash 1906497762 mod 4 is 2.
    const expected = { errorCode: 0, nodeId: 12, host: 'outer', port: 12 };
    if (version < 4) expect(answer).toMatchObject(expected);
    else
      expect(answer.coordinators).toMatchObject([
        { key: 'test', ...expected },
        { key: 'my-group', ...expected },
      ]);
  });

  test('creates the topic of groups for the first of them', async () => {
    image = imageWith('t');
    expect((await ask(findCoordinatorHandler, findCoordinatorApi, 2, { key: 'test' })).nodeId).toBe(12);
    image = imageWith('t');
    refuseTopic = ErrorCode.POLICY_VIOLATION;
    const refused = await ask(findCoordinatorHandler, findCoordinatorApi, 4, { coordinatorKeys: ['test'] });
    expect(refused.coordinators[0]).toMatchObject({ errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE, nodeId: -1, host: '', port: -1 });
  });

  test('a partition without a leader, transactions, and key types nobody knows', async () => {
    // The hash of 'c' is 99, partition 3.
    const leaderless = await ask(findCoordinatorHandler, findCoordinatorApi, 1, { key: 'c' });
    expect(leaderless.errorCode).toBe(ErrorCode.COORDINATOR_NOT_AVAILABLE);
    const transaction = await ask(findCoordinatorHandler, findCoordinatorApi, 6, { keyType: 1, coordinatorKeys: ['x'] });
    expect(transaction.coordinators[0]!.errorCode).toBe(ErrorCode.UNSUPPORTED_VERSION);
    const share = await ask(findCoordinatorHandler, findCoordinatorApi, 6, { keyType: 2, coordinatorKeys: ['x'] });
    expect(share.coordinators[0]!.errorCode).toBe(ErrorCode.INVALID_REQUEST);
  });
});

describe('JoinGroup', () => {
  test.each(versions(joinGroupApi))('version %d', async (version) => {
    const memberId = await joined(version);
    const again = await ask(joinGroupHandler, joinGroupApi, version, { ...joinRequest, memberId });
    expect(again).toMatchObject({ errorCode: 0, generationId: 1, protocolName: 'range', leader: memberId, memberId });
    expect(again.protocolType).toBe(version >= 7 ? 'consumer' : null);
    expect(again.members.map((member) => text(member.metadata))).toEqual(['sub']);
    const { members } = await f.coordinator.describeGroup({ groupId: 'g' });
    expect(members[0]).toMatchObject({ clientId: 'client', clientHost: '/10.0.0.1' });
  });

  test('a static leader that comes again need not assign from version 9 on', async () => {
    const request = { ...joinRequest, groupInstanceId: 'i' };
    const first = await ask(joinGroupHandler, joinGroupApi, 9, request);
    f.sync(first.memberId, 1, { [first.memberId]: 'x' }, { groupInstanceId: 'i' });
    await settle();
    const nine = await ask(joinGroupHandler, joinGroupApi, 9, request);
    expect(nine).toMatchObject({ skipAssignment: true, leader: nine.memberId });
    const eight = await ask(joinGroupHandler, joinGroupApi, 8, request);
    expect(eight).toMatchObject({ skipAssignment: false, leader: nine.memberId, members: [] });
  });
});

test.each(versions(syncGroupApi))('SyncGroup version %d', async (version) => {
  const memberId = await joined(1);
  const request = { groupId: 'g', generationId: 1, memberId, assignments: [{ memberId, assignment: Buffer.from('part') }] };
  const types = version >= 5 ? { protocolType: 'consumer', protocolName: 'range' } : {};
  const answer = await ask(syncGroupHandler, syncGroupApi, version, { ...request, ...types });
  expect(answer).toMatchObject({ errorCode: 0, ...types });
  expect(text(answer.assignment)).toBe('part');
  const refused = await ask(syncGroupHandler, syncGroupApi, version, { ...request, generationId: 2 });
  expect(refused.errorCode).toBe(ErrorCode.ILLEGAL_GENERATION);
});

test.each(versions(heartbeatApi))('Heartbeat version %d', async (version) => {
  const memberId = await joined(1);
  const beat = (generationId: number) => ask(heartbeatHandler, heartbeatApi, version, { groupId: 'g', generationId, memberId });
  expect([(await beat(1)).errorCode, (await beat(0)).errorCode]).toEqual([0, ErrorCode.ILLEGAL_GENERATION]);
});

test.each(versions(leaveGroupApi))('LeaveGroup version %d', async (version) => {
  const memberId = await joined(1);
  const leave = (id: string) =>
    ask(leaveGroupHandler, leaveGroupApi, version, {
      groupId: 'g',
      ...(version >= 3 ? { members: [{ memberId: id }] } : { memberId: id }),
    });
  const ghost = await leave('ghost');
  const left = await leave(memberId);
  if (version < 3) expect([ghost.errorCode, left.errorCode]).toEqual([ErrorCode.UNKNOWN_MEMBER_ID, 0]);
  else {
    expect([ghost.errorCode, ghost.members[0]!.errorCode]).toEqual([0, ErrorCode.UNKNOWN_MEMBER_ID]);
    expect(left.members).toEqual([{ memberId, groupInstanceId: null, errorCode: 0 }]);
  }
  const nobody = await ask(leaveGroupHandler, leaveGroupApi, version, { groupId: 'none' });
  expect(nobody.errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
});

describe('offsets', () => {
  const partitions = [{ partitionIndex: 1, committedOffset: 42, committedMetadata: 'note' }];

  test.each(versions(offsetCommitApi))('OffsetCommit version %d', async (version) => {
    const named = { name: 't', partitions };
    const topics =
      version >= 10
        ? [
            { topicId: UNKNOWN_ID, partitions },
            { topicId: TOPIC_ID, partitions },
          ]
        : [{ name: 'unknown', partitions }, named];
    const answer = await ask(offsetCommitHandler, offsetCommitApi, version, { groupId: 'g', memberId: '', topics });
    const unknown = version >= 10 ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
    expect(answer.topics.map((topic) => topic.partitions)).toEqual([
      [{ partitionIndex: 1, errorCode: unknown }],
      [{ partitionIndex: 1, errorCode: 0 }],
    ]);
    expect(answer.topics[1]).toMatchObject(version >= 10 ? { topicId: TOPIC_ID } : { name: 't' });
    expect(await f.committed('t', 1)).toBe(42);
    const request = { groupId: 'none', generationIdOrMemberEpoch: 3, memberId: 'm', topics: topics.slice(1) };
    const refused = await ask(offsetCommitHandler, offsetCommitApi, version, request);
    expect(refused.topics[0]!.partitions[0]!.errorCode).toBe(version >= 9 ? ErrorCode.GROUP_ID_NOT_FOUND : ErrorCode.ILLEGAL_GENERATION);
  });

  test('OffsetCommit 2 can say how long', async () => {
    await ask(offsetCommitHandler, offsetCommitApi, 2, {
      groupId: 'g',
      memberId: '',
      retentionTimeMs: 1_000,
      topics: [{ name: 't', partitions }],
    });
    await f.advance(600_000);
    expect(await f.committed('t', 1)).toBe(-1);
  });

  const found = { partitionIndex: 0, committedOffset: 7, metadata: 'note', errorCode: 0 };
  const missing = { partitionIndex: 3, committedOffset: -1, metadata: '', errorCode: 0 };

  test.each(versions(offsetFetchApi).filter((version) => version < 8))('OffsetFetch version %d', async (version) => {
    await f.commit(7);
    const one = await ask(offsetFetchHandler, offsetFetchApi, version, { groupId: 'g', topics: [{ name: 't', partitionIndexes: [0, 3] }] });
    expect(one).toMatchObject({ errorCode: 0, topics: [{ name: 't', partitions: [found, missing] }] });
    expect(one.topics[0]!.partitions[0]!.committedLeaderEpoch).toBe(version >= 5 ? 3 : -1);
    if (version >= 2) {
      const all = await ask(offsetFetchHandler, offsetFetchApi, version, { groupId: 'g', topics: null });
      expect(all.topics).toMatchObject([{ name: 't', partitions: [found] }]);
    }
    f.coordinator.unloadPartition(0);
    const refused = await ask(offsetFetchHandler, offsetFetchApi, version, {
      groupId: 'g',
      topics: [{ name: 't', partitionIndexes: [0] }],
    });
    if (version >= 2) expect(refused).toMatchObject({ errorCode: ErrorCode.NOT_COORDINATOR, topics: [] });
    else expect(refused.topics[0]!.partitions[0]!.errorCode).toBe(ErrorCode.NOT_COORDINATOR);
  });

  test.each([8, 9, 10])('OffsetFetch version %d', async (version) => {
    await f.commit(7);
    const topic = version >= 10 ? { topicId: TOPIC_ID } : { name: 't' };
    const unknown = version >= 10 ? [{ topicId: UNKNOWN_ID, partitionIndexes: [5] }] : [];
    const answer = await ask(offsetFetchHandler, offsetFetchApi, version, {
      groups: [
        { groupId: 'g', topics: [...unknown, { ...topic, partitionIndexes: [0, 3] }] },
        { groupId: 'g', topics: null },
        { groupId: 'other', topics: null },
      ],
      requireStable: true,
    });
    const refused =
      version >= 10 ? [{ topicId: UNKNOWN_ID, partitions: [{ partitionIndex: 5, errorCode: ErrorCode.UNKNOWN_TOPIC_ID }] }] : [];
    expect(answer.groups).toMatchObject([
      { groupId: 'g', errorCode: 0, topics: [...refused, { ...topic, partitions: [found, missing] }] },
      { groupId: 'g', errorCode: 0, topics: [{ ...topic, partitions: [found] }] },
      { groupId: 'other', errorCode: 0, topics: [] },
    ]);
  });

  test('OffsetDelete', async () => {
    await f.commit(7);
    const request = { groupId: 'g', topics: [{ name: 't', partitions: [{ partitionIndex: 0 }] }] };
    const answer = await ask(offsetDeleteHandler, offsetDeleteApi, 0, request);
    expect(answer).toEqual({ errorCode: 0, throttleTimeMs: 0, topics: [{ name: 't', partitions: [{ partitionIndex: 0, errorCode: 0 }] }] });
    expect(await f.committed()).toBe(-1);
  });
});

describe('administration', () => {
  test.each(versions(listGroupsApi))('ListGroups version %d', async (version) => {
    await joined(1);
    await f.commit(1, { groupId: 'simple' });
    const filter = { ...(version >= 4 ? { statesFilter: ['Empty'] } : {}), ...(version >= 5 ? { typesFilter: ['classic'] } : {}) };
    const answer = await ask(listGroupsHandler, listGroupsApi, version, filter);
    const names = answer.groups.map(({ groupId }) => groupId);
    expect([answer.errorCode, names.toSorted()]).toEqual([0, version >= 4 ? ['simple'] : ['g', 'simple']]);
    if (version >= 5) expect(answer.groups[0]).toMatchObject({ groupState: 'Empty', groupType: 'classic', protocolType: '' });
  });

  test.each(versions(describeGroupsApi))('DescribeGroups version %d', async (version) => {
    const memberId = await joined(1);
    f.sync(memberId, 1, { [memberId]: 'part' });
    await settle();
    const asked = version >= 3 ? { includeAuthorizedOperations: true } : {};
    const { groups } = await ask(describeGroupsHandler, describeGroupsApi, version, { groups: ['g', 'none'], ...asked });
    expect(groups[0]).toMatchObject({ errorCode: 0, groupId: 'g', groupState: 'Stable', protocolType: 'consumer', protocolData: 'range' });
    expect(groups[0]!.members[0]).toMatchObject({ memberId, clientId: 'client', clientHost: '/10.0.0.1' });
    expect(text(groups[0]!.members[0]!.memberAssignment)).toBe('part');
    if (version >= 3) expect(groups[0]!.authorizedOperations).toBe(0b1101_0100_1000);
    expect(groups[1]).toMatchObject({ errorCode: version >= 6 ? ErrorCode.GROUP_ID_NOT_FOUND : 0, groupState: 'Dead', members: [] });
  });

  test.each(versions(deleteGroupsApi))('DeleteGroups version %d', async (version) => {
    await joined(1);
    await f.commit(1, { groupId: 'simple' });
    const { results } = await ask(deleteGroupsHandler, deleteGroupsApi, version, { groupsNames: ['g', 'simple', 'none'] });
    expect(results.map(({ groupId, errorCode }) => [groupId, errorCode])).toEqual([
      ['g', ErrorCode.NON_EMPTY_GROUP],
      ['simple', 0],
      ['none', ErrorCode.GROUP_ID_NOT_FOUND],
    ]);
  });
});
