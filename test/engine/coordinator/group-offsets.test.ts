// Committed offsets: who may commit, what is refused, what is found, what goes, and what a restart keeps.
import { describe, expect, test } from 'vitest';
import { ErrorCode } from '../../../src/engine/base/error-code.ts';
import { ByteWriter } from '../../../src/engine/base/byte-writer.ts';
import { consumerProtocolSubscriptionSchema } from '../../../src/engine/coordinator/records/generated/consumer-protocol.ts';
import { CoordinatorFixture, settle, Watched } from './coordinator-fixture.ts';

function subscription(...topics: string[]): Uint8Array {
  const w = new ByteWriter();
  w.int16(1);
  consumerProtocolSubscriptionSchema.encode(w, { topics }, 1);
  return w.copy();
}

describe('OffsetCommit', () => {
  test('by the state of the group', async () => {
    const f = await CoordinatorFixture.started();
    expect(await f.commit(1), 'no group: a simple consumer').toBe(0);
    expect(await f.commit(1, { groupId: 'h', generationId: 4 }), 'no group, but a generation').toBe(ErrorCode.ILLEGAL_GENERATION);
    expect(await f.commit(1, { groupId: 'h', generationId: 4, tellsGroupNotFound: true })).toBe(ErrorCode.GROUP_ID_NOT_FOUND);
    expect(await f.commit(2, { memberId: 'ghost', generationId: 0 }), 'Empty, with a generation').toBe(ErrorCode.UNKNOWN_MEMBER_ID);
    const join = f.join('');
    await settle();
    const member = { memberId: join.got.memberId, generationId: 1 };
    expect(await f.commit(3, member), 'CompletingRebalance').toBe(ErrorCode.REBALANCE_IN_PROGRESS);
    f.sync(member.memberId, 1, { [member.memberId]: 'x' });
    await settle();
    expect(await f.commit(4, member), 'Stable').toBe(0);
    expect(await f.commit(5), 'Stable, no member').toBe(ErrorCode.UNKNOWN_MEMBER_ID);
    expect(await f.commit(5, { ...member, generationId: 0 })).toBe(ErrorCode.ILLEGAL_GENERATION);
    expect(await f.commit(5, { ...member, generationId: -1 })).toBe(ErrorCode.ILLEGAL_GENERATION);
    f.join('');
    expect(await f.commit(6, member), 'PreparingRebalance').toBe(0);
    expect(await f.committed()).toBe(6);
  });

  test('counts as a heartbeat', async () => {
    const f = await CoordinatorFixture.started();
    const memberId = await f.stableMember();
    await f.advance(9_000);
    await f.commit(1, { memberId, generationId: 1 });
    await f.advance(9_000);
    expect(await f.heartbeat(memberId, 1)).toBe(0);
  });

  test('each partition has its own error, and the others are committed', async () => {
    const f = await CoordinatorFixture.started();
    const one = (partition: number, metadata: string | null) => ({ partition, offset: 7, leaderEpoch: -1, metadata });
    const answer = await f.coordinator.commitOffsets(
      f.commitCall(0, {
        topics: [
          { name: 't', partitions: [one(0, null), one(1, 'x'.repeat(4_096)), one(2, 'x'.repeat(4_097)), one(9, null)] },
          { name: 'unknown', partitions: [one(0, null)] },
        ],
      }),
    );
    expect(answer.topics.map(({ partitions }) => partitions.map(({ errorCode }) => errorCode))).toEqual([
      [0, 0, ErrorCode.OFFSET_METADATA_TOO_LARGE, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
      [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
    ]);
    expect([await f.committed('t', 0), await f.committed('t', 1), await f.committed('t', 2)]).toEqual([7, 7, -1]);
  });

  test('is answered, and found, only when it is committed', async () => {
    const f = await CoordinatorFixture.started();
    f.log.mood = 'hold';
    const commit = new Watched(f.commit(5));
    await settle();
    expect([commit.settled, await f.committed()]).toEqual([false, -1]);
    f.log.release();
    await settle();
    expect([commit.got, await f.committed()]).toEqual([0, 5]);
  });

  test.each([
    [ErrorCode.NOT_ENOUGH_REPLICAS, ErrorCode.COORDINATOR_NOT_AVAILABLE],
    [ErrorCode.REQUEST_TIMED_OUT, ErrorCode.COORDINATOR_NOT_AVAILABLE],
    [ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.NOT_COORDINATOR],
    [ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.NOT_COORDINATOR],
    [ErrorCode.MESSAGE_TOO_LARGE, ErrorCode.INVALID_COMMIT_OFFSET_SIZE],
  ])('refused by the log with %d is %d to the member, and changes nothing', async (refuse, expected) => {
    const f = await CoordinatorFixture.started();
    await f.commit(1);
    f.log.mood = { refuse };
    expect(await f.commit(2)).toBe(expected);
    expect(await f.committed()).toBe(1);
  });
});

describe('OffsetFetch', () => {
  test('null asks for all, and what is not committed is -1', async () => {
    const f = await CoordinatorFixture.started();
    await f.commit(3);
    const all = await f.coordinator.fetchOffsets({ groupId: 'g', topics: null, requireStable: true });
    expect(all).toEqual({
      errorCode: 0,
      topics: [{ name: 't', partitions: [{ partition: 0, offset: 3, leaderEpoch: 3, metadata: 'note', errorCode: 0 }] }],
    });
    const none = await f.coordinator.fetchOffsets({ groupId: 'nobody', topics: [{ name: 't', partitions: [1] }], requireStable: false });
    expect(none.topics[0]!.partitions).toEqual([{ partition: 1, offset: -1, leaderEpoch: -1, metadata: '', errorCode: 0 }]);
    expect(await f.coordinator.fetchOffsets({ groupId: 'nobody', topics: null, requireStable: false })).toEqual({
      errorCode: 0,
      topics: [],
    });
  });
});

describe('OffsetDelete', () => {
  const call = { groupId: 'g', topics: [{ name: 't', partitions: [0, 1] }] };

  test('by the state and kind of the group', async () => {
    const f = await CoordinatorFixture.started();
    expect(await f.coordinator.deleteOffsets(call)).toEqual({ errorCode: ErrorCode.GROUP_ID_NOT_FOUND, topics: [] });
    await f.commit(1);
    expect((await f.coordinator.deleteOffsets(call)).topics[0]!.partitions.map(({ errorCode }) => errorCode)).toEqual([0, 0]);
    expect(await f.committed()).toBe(-1);
    await f.restart();
    expect(await f.committed()).toBe(-1);
  });

  test('not of a topic somebody subscribes to, but of others', async () => {
    const f = await CoordinatorFixture.started();
    await f.commit(1, {
      topics: ['t', 't2'].map((name) => ({ name, partitions: [{ partition: 0, offset: 1, leaderEpoch: -1, metadata: '' }] })),
    });
    await f.stableMember({ protocols: [{ name: 'range', metadata: subscription('t') }] });
    const two = await f.coordinator.deleteOffsets({ groupId: 'g', topics: ['t', 't2', 'none'].map((name) => ({ name, partitions: [0] })) });
    expect(two.topics.map(({ partitions }) => partitions[0]!.errorCode)).toEqual([
      ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC,
      0,
      ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ]);
    expect([await f.committed('t'), await f.committed('t2')]).toEqual([1, -1]);
  });

  test('not of a group whose members are no consumers', async () => {
    const f = await CoordinatorFixture.started();
    await f.stableMember({ protocolType: 'connect' });
    expect((await f.coordinator.deleteOffsets(call)).errorCode).toBe(ErrorCode.NON_EMPTY_GROUP);
  });

  test('waits for commits under way', async () => {
    const f = await CoordinatorFixture.started();
    await f.commit(1);
    f.log.mood = 'hold';
    const commit = new Watched(f.commit(2));
    const deleted = new Watched(f.coordinator.deleteOffsets(call));
    await settle();
    expect(deleted.settled).toBe(false);
    f.log.release();
    await settle();
    expect([commit.got, deleted.got.errorCode, await f.committed()]).toEqual([0, 0, -1]);
  });
});

describe('DeleteGroups', () => {
  test('only of empty groups, with all their offsets, also after a restart', async () => {
    const f = await CoordinatorFixture.started();
    const remove = async () => (await f.coordinator.deleteGroup({ groupId: 'g' })).errorCode;
    expect(await remove()).toBe(ErrorCode.GROUP_ID_NOT_FOUND);
    const memberId = await f.stableMember();
    await f.commit(4, { memberId, generationId: 1 });
    expect(await remove()).toBe(ErrorCode.NON_EMPTY_GROUP);
    await f.leave(memberId);
    await settle();
    expect(await remove()).toBe(0);
    expect([await f.stateOf(), await f.committed()]).toEqual(['Dead', -1]);
    await f.restart();
    expect([await f.stateOf(), await f.committed()]).toEqual(['Dead', -1]);
  });

  test('takes the offsets with it that were being committed', async () => {
    const f = await CoordinatorFixture.started();
    await f.commit(1);
    f.log.mood = 'hold';
    const commit = new Watched(
      f.commit(2, { topics: [{ name: 't2', partitions: [{ partition: 0, offset: 2, leaderEpoch: -1, metadata: '' }] }] }),
    );
    const removed = new Watched(f.coordinator.deleteGroup({ groupId: 'g' }));
    f.log.release();
    await settle();
    expect([commit.got, removed.got.errorCode, await f.committed('t2'), await f.stateOf()]).toEqual([0, 0, -1, 'Dead']);
    await f.restart();
    expect([await f.committed('t2'), await f.stateOf()]).toEqual([-1, 'Dead']);
  });

  test('while somebody joins: the offsets go, the new group stays', async () => {
    const f = await CoordinatorFixture.started();
    await f.commit(1);
    f.log.mood = 'hold';
    const removed = new Watched(f.coordinator.deleteGroup({ groupId: 'g' }));
    await settle();
    const join = f.join('');
    f.log.release();
    await settle();
    expect([removed.got.errorCode, join.got.errorCode, await f.committed()]).toEqual([0, 0, -1]);
    expect(await f.heartbeat(join.got.memberId, 1)).toBe(0);
  });
});

describe('offsets expire', () => {
  const WEEK_MS = 10_080 * 60_000;
  const CHECK_MS = 600_000;

  test('of simple consumers, a week after each commit', async () => {
    const f = await CoordinatorFixture.started();
    await f.commit(1);
    await f.advanceInSteps(WEEK_MS - CHECK_MS, CHECK_MS);
    expect(await f.committed()).toBe(1);
    await f.advanceInSteps(2 * CHECK_MS, CHECK_MS);
    expect(await f.committed()).toBe(-1);
    await f.restart();
    expect([await f.committed(), await f.stateOf()]).toEqual([-1, 'Dead']);
  });

  test('of groups, a week after the last member left, and the group with them', async () => {
    const f = await CoordinatorFixture.started();
    const memberId = await f.stableMember({ sessionTimeoutMs: 1_800_000 });
    await f.commit(1, { memberId, generationId: 1 });
    for (let ms = 0; ms < WEEK_MS + 2 * CHECK_MS; ms += CHECK_MS) {
      await f.advance(CHECK_MS);
      await f.heartbeat(memberId, 1);
    }
    expect(await f.committed(), 'in use').toBe(1);
    await f.leave(memberId);
    await f.advanceInSteps(WEEK_MS - CHECK_MS, CHECK_MS);
    expect(await f.committed()).toBe(1);
    await f.advanceInSteps(2 * CHECK_MS, CHECK_MS);
    expect([await f.committed(), await f.stateOf()]).toEqual([-1, 'Dead']);
    await f.restart();
    expect(await f.stateOf()).toBe('Dead');
  });

  test('of topics the members no longer subscribe to', async () => {
    const f = await CoordinatorFixture.started({ 'offsets.retention.minutes': '20' });
    const topics = ['t', 't2'].map((name) => ({ name, partitions: [{ partition: 0, offset: 1, leaderEpoch: -1, metadata: '' }] }));
    await f.commit(1, { topics });
    await f.stableMember({ protocols: [{ name: 'range', metadata: subscription('t') }], sessionTimeoutMs: 1_800_000 });
    await f.advanceInSteps(1_200_000, CHECK_MS);
    expect([await f.committed('t'), await f.committed('t2')]).toEqual([1, -1]);
  });

  test('after the time a commit asked for itself', async () => {
    const f = await CoordinatorFixture.started();
    await f.commit(1, { retentionTimeMs: 700_000 });
    await f.advance(CHECK_MS);
    expect(await f.committed()).toBe(1);
    await f.restart();
    await f.advance(CHECK_MS);
    expect(await f.committed()).toBe(-1);
  });

  test('never from under a commit that is on its way', async () => {
    const f = await CoordinatorFixture.started({ 'offsets.retention.minutes': '1' });
    await f.commit(1);
    f.log.mood = 'hold';
    const commit = new Watched(f.commit(2));
    await f.advance(CHECK_MS);
    f.log.release();
    await settle();
    expect([commit.got, await f.committed()]).toEqual([0, 2]);
    await f.restart();
    expect(await f.committed()).toBe(2);
  });
});

test('offsets of deleted topics go', async () => {
  const f = await CoordinatorFixture.started();
  await f.commit(1);
  await f.coordinator.forgetTopics(['t']);
  expect(await f.committed()).toBe(-1);
  await f.restart();
  expect(await f.committed()).toBe(-1);
});
