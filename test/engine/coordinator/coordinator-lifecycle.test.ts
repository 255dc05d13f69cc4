// Loading, leading no more, failed writes, restarts, and what administrators see.
import { expect, test } from 'vitest';
import { ErrorCode } from '../../../src/engine/base/error-code.ts';
import { coordinatorPartitionIndex, javaStringHash } from '../../../src/engine/coordinator/coordinator-partition-index.ts';
import { CoordinatorFixture, MemoryPartitionLog, settle, text, Watched } from './coordinator-fixture.ts';

test('the partition of a group', () => {
  expect(javaStringHash('test')).toBe(3_556_498);
  expect(coordinatorPartitionIndex('test', 50)).toBe(48);
  expect(javaStringHash('my-group')).toBe(-1_906_497_762);
  expect(coordinatorPartitionIndex('my-group', 50)).toBe(12);
  expect(javaStringHash('polygenelubricants')).toBe(-0x8000_0000);
  expect(coordinatorPartitionIndex('polygenelubricants', 50)).toBe(0);
});

test('while it loads says so, to every API', async () => {
  const f = new CoordinatorFixture();
  let finish = (): void => undefined;
  const reader = { read: () => new Promise<void>((resolve) => (finish = resolve)) };
  const loading = f.coordinator.loadPartition(0, reader, f.log);
  const join = f.join('');
  const sync = f.sync('x', 1);
  await settle();
  const loadInProgress = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS;
  expect([join.got.errorCode, sync.got.errorCode]).toEqual([loadInProgress, loadInProgress]);
  expect(await f.heartbeat('x', 1)).toBe(loadInProgress);
  expect(await f.leave('x')).toBe(loadInProgress);
  expect(await f.commit(1)).toBe(loadInProgress);
  const groupId = 'g';
  expect((await f.coordinator.fetchOffsets({ groupId, topics: null, requireStable: false })).errorCode).toBe(loadInProgress);
  expect((await f.coordinator.deleteOffsets({ groupId, topics: [] })).errorCode).toBe(loadInProgress);
  expect((await f.coordinator.listGroups({ states: [], types: [] })).errorCode).toBe(loadInProgress);
  expect((await f.coordinator.describeGroup({ groupId })).errorCode).toBe(loadInProgress);
  expect((await f.coordinator.deleteGroup({ groupId })).errorCode).toBe(loadInProgress);
  finish();
  await loading;
  expect(await f.commit(1)).toBe(0);
});

test('a partition led elsewhere is NOT_COORDINATOR, and so is one that cannot be read', async () => {
  const f = new CoordinatorFixture();
  expect(await f.commit(1)).toBe(ErrorCode.NOT_COORDINATOR);
  await expect(f.coordinator.loadPartition(0, { read: () => Promise.reject(new Error('disk')) }, f.log)).rejects.toThrow('disk');
  expect(await f.commit(1)).toBe(ErrorCode.NOT_COORDINATOR);
  await f.load();
  expect(await f.commit(1)).toBe(0);
  f.partitionCount = 0;
  expect(await f.commit(1)).toBe(ErrorCode.NOT_COORDINATOR);
});

test('unloading answers everything parked or being written, and leaves no timer', async () => {
  const f = await CoordinatorFixture.started();
  const a = await f.stableMember();
  const b = f.join('');
  f.join('', { memberIdRequired: true });
  f.log.mood = 'hold';
  const commit = new Watched(f.commit(1, { memberId: a, generationId: 1 }));
  const other = new Watched(f.commit(1, { groupId: 'h' }));
  await settle();
  f.coordinator.unloadPartition(0);
  f.log.release();
  await settle();
  expect(b.got.errorCode).toBe(ErrorCode.NOT_COORDINATOR);
  expect([commit.got, other.got]).toEqual([ErrorCode.NOT_COORDINATOR, ErrorCode.NOT_COORDINATOR]);
  expect(f.wheel.size).toBe(0);
});

test('unloading while it loads, and loading again', async () => {
  const f = new CoordinatorFixture();
  let finish = (): void => undefined;
  const first = f.coordinator.loadPartition(0, { read: () => new Promise<void>((resolve) => (finish = resolve)) }, f.log);
  f.coordinator.unloadPartition(0);
  await f.load();
  finish();
  await first;
  expect(await f.commit(1)).toBe(0);
  expect(f.wheel.size, 'one look for expired offsets').toBe(1);
});

test('replays in the order of the log, however its answers come', async () => {
  const f = new CoordinatorFixture();
  const log = new MemoryPartitionLog();
  const answers: (() => void)[] = [];
  await f.coordinator.loadPartition(0, log, {
    append: async (records) => {
      await log.append(records);
      await new Promise<void>((resolve) => answers.push(resolve));
    },
  });
  const first = new Watched(f.commit(1));
  const second = new Watched(f.commit(2));
  await settle();
  answers[1]!();
  await settle();
  expect([first.settled, second.settled, await f.committed()]).toEqual([false, false, -1]);
  answers[0]!();
  await settle();
  expect([first.got, second.got, await f.committed()]).toEqual([0, 0, 2]);
});

test('an assignment the log refuses: all who wait are told, and join again', async () => {
  const f = await CoordinatorFixture.started();
  const a = await f.stableMember();
  const b = f.join('');
  f.join(a);
  await settle();
  f.log.mood = { refuse: ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND };
  const follower = f.sync(b.got.memberId, 2);
  const leader = f.sync(a, 2, { [a]: 'x', [b.got.memberId]: 'y' });
  await settle();
  expect([leader.got.errorCode, follower.got.errorCode]).toEqual([
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ]);
  expect(await f.stateOf()).toBe('PreparingRebalance');
  f.log.mood = 'commit';
  const [again] = [f.join(a), f.join(b.got.memberId)];
  await settle();
  expect(again!.got.generationId).toBe(3);
});

test('an assignment that is committed when a new rebalance has begun is nobody’s', async () => {
  const f = await CoordinatorFixture.started();
  const join = f.join('');
  await settle();
  const a = join.got.memberId;
  f.log.mood = 'hold';
  const sync = f.sync(a, 1, { [a]: 'x' });
  f.join('');
  await settle();
  expect(sync.got.errorCode).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
  f.log.release();
  await settle();
  expect(await f.stateOf()).toBe('PreparingRebalance');
});

test('a restart keeps members, assignments and offsets, and starts the sessions anew', async () => {
  const f = await CoordinatorFixture.started();
  const a = await f.stableMember();
  const b = f.join('', { metadataText: 'of b' });
  f.join(a);
  await settle();
  f.sync(b.got.memberId, 2);
  f.sync(a, 2, { [a]: 'for a', [b.got.memberId]: 'for b' });
  await settle();
  await f.commit(9, { memberId: a, generationId: 2 });
  const shown = async () => {
    const { members, ...group } = await f.coordinator.describeGroup({ groupId: 'g' });
    return { ...group, members: members.map((one) => ({ ...one, metadata: text(one.metadata), assignment: text(one.assignment) })) };
  };
  const before = await shown();
  await f.advance(9_000);
  await f.restart();
  expect(await shown()).toEqual(before);
  await f.advance(9_999);
  expect(await f.heartbeat(a, 2)).toBe(0);
  const sync = f.sync(b.got.memberId, 2);
  await settle();
  expect(text(sync.got.assignment)).toBe('for b');
  expect(await f.committed()).toBe(9);
  expect(await f.commit(10, { memberId: a, generationId: 2 })).toBe(0);
  await f.advance(9_999);
  expect(await f.stateOf()).toBe('Stable');
  await f.advance(1);
  expect(await f.stateOf(), 'both have been silent').toBe('Empty');
});

test('a restart does not bring back members that have left', async () => {
  const f = await CoordinatorFixture.started();
  const a = await f.stableMember();
  await f.leave(a);
  await settle();
  await f.restart();
  expect(await f.stateOf()).toBe('Empty');
  const join = f.join('');
  await settle();
  expect(join.got.generationId).toBe(3);
});

test('groups are listed by state and type', async () => {
  const f = await CoordinatorFixture.started();
  await f.commit(1, { groupId: 'simple' });
  await f.stableMember();
  const list = async (states: string[], types: string[] = []) =>
    (await f.coordinator.listGroups({ states, types })).groups.map(({ groupId }) => groupId).toSorted();
  expect(await list([])).toEqual(['g', 'simple']);
  expect(await list(['stable'])).toEqual(['g']);
  expect(await list(['Empty', 'Stable'], ['Classic'])).toEqual(['g', 'simple']);
  expect(await list([], ['consumer'])).toEqual([]);
  expect((await f.coordinator.listGroups({ states: ['Stable'], types: [] })).groups).toEqual([
    { groupId: 'g', protocolType: 'consumer', state: 'Stable', type: 'classic' },
  ]);
});

test('metadata of members is shown while the group is stable', async () => {
  const f = await CoordinatorFixture.started();
  await f.stableMember({ metadataText: 'sub' });
  const stable = await f.coordinator.describeGroup({ groupId: 'g' });
  expect(stable).toMatchObject({ errorCode: 0, state: 'Stable', protocolType: 'consumer', protocolData: 'range' });
  expect(stable.members[0]).toMatchObject({ clientId: 'c', clientHost: '/127.0.0.1', groupInstanceId: null });
  expect([text(stable.members[0]!.metadata), text(stable.members[0]!.assignment)]).toEqual(['sub', 'a1']);
  f.join('');
  const preparing = await f.coordinator.describeGroup({ groupId: 'g' });
  expect([preparing.state, preparing.protocolData, preparing.members[0]!.metadata.length]).toEqual(['PreparingRebalance', '', 0]);
  expect(await f.coordinator.describeGroup({ groupId: 'none' })).toMatchObject({ errorCode: ErrorCode.GROUP_ID_NOT_FOUND, state: 'Dead' });
});
