// The rules of classic groups, one case each: joining, the rebalance and its clocks, syncing, heartbeats, leaving.
import { describe, expect, test } from 'vitest';
import { ErrorCode } from '../../../src/engine/base/error-code.ts';
import { CoordinatorFixture, settle, text } from './coordinator-fixture.ts';

describe('JoinGroup refuses', () => {
  test('an empty group id', async () => {
    const f = await CoordinatorFixture.started();
    const join = f.join('', { groupId: '' });
    await settle();
    expect(join.got.errorCode).toBe(ErrorCode.INVALID_GROUP_ID);
  });

  test.each([
    [5_999, ErrorCode.INVALID_SESSION_TIMEOUT],
    [6_000, ErrorCode.NONE],
    [1_800_000, ErrorCode.NONE],
    [1_800_001, ErrorCode.INVALID_SESSION_TIMEOUT],
  ])('a session timeout out of bounds: %d ms', async (sessionTimeoutMs, errorCode) => {
    const f = await CoordinatorFixture.started();
    const join = f.join('', { sessionTimeoutMs });
    await settle();
    expect(join.got.errorCode).toBe(errorCode);
  });

  test('an id that nobody gave out, with and without a group', async () => {
    const f = await CoordinatorFixture.started();
    const before = f.join('ghost');
    await f.stableMember();
    const after = f.join('ghost');
    await settle();
    expect([before.got.errorCode, after.got.errorCode]).toEqual([ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.UNKNOWN_MEMBER_ID]);
    expect(before.got.memberId).toBe('ghost');
  });

  test('another protocol type, no common protocol, no protocol at all', async () => {
    const f = await CoordinatorFixture.started();
    const none = f.join('', { protocolNames: [] });
    const untyped = f.join('', { protocolType: '' });
    await f.stableMember({ protocolNames: ['range'] });
    const type = f.join('', { protocolType: 'connect' });
    const disjoint = f.join('', { protocolNames: ['sticky'] });
    await settle();
    for (const join of [none, untyped, type, disjoint]) expect(join.got.errorCode).toBe(ErrorCode.INCONSISTENT_GROUP_PROTOCOL);
  });

  test('a member beyond group.max.size, and forgets its pending id', async () => {
    const f = await CoordinatorFixture.started({ 'group.max.size': '1' });
    const pending = f.join('', { memberIdRequired: true });
    await settle();
    await f.stableMember();
    const late = f.join(pending.got.memberId);
    const fresh = f.join('');
    await settle();
    expect([late.got.errorCode, fresh.got.errorCode]).toEqual([ErrorCode.GROUP_MAX_SIZE_REACHED, ErrorCode.GROUP_MAX_SIZE_REACHED]);
    const again = f.join(pending.got.memberId);
    await settle();
    expect(again.got.errorCode).toBe(ErrorCode.GROUP_MAX_SIZE_REACHED);
    expect(await f.stateOf()).toBe('Stable');
  });
});

describe('a member without an id', () => {
  test('is told one from version 4 on and comes back with it', async () => {
    const f = await CoordinatorFixture.started();
    const first = f.join('', { memberIdRequired: true });
    await settle();
    expect(first.got).toMatchObject({ errorCode: ErrorCode.MEMBER_ID_REQUIRED, generationId: -1, leader: '', members: [] });
    expect(first.got.memberId).toMatch(/^c-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(await f.stateOf()).toBe('Empty');
    const second = f.join(first.got.memberId, { memberIdRequired: true });
    await settle();
    expect(second.got).toMatchObject({ errorCode: 0, generationId: 1, memberId: first.got.memberId, leader: first.got.memberId });
  });

  test('that does not come back is waited for as long as its session timeout', async () => {
    const f = await CoordinatorFixture.started();
    const a = await f.stableMember();
    const lost = f.join('', { memberIdRequired: true, sessionTimeoutMs: 7_000 });
    const b = f.join('');
    const rejoin = f.join(a);
    await settle();
    expect(lost.got.errorCode).toBe(ErrorCode.MEMBER_ID_REQUIRED);
    await f.advance(6_999);
    expect([b.settled, rejoin.settled]).toEqual([false, false]);
    await f.advance(1);
    expect([b.got.generationId, rejoin.got.generationId]).toEqual([2, 2]);
    const late = f.join(lost.got.memberId);
    await settle();
    expect(late.got.errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
  });

  test('static ones join at once', async () => {
    const f = await CoordinatorFixture.started();
    const join = f.join('', { memberIdRequired: true, groupInstanceId: 'i' });
    await settle();
    expect(join.got.errorCode).toBe(0);
    expect(join.got.memberId).toMatch(/^i-/);
    expect(join.got.members[0]!.groupInstanceId).toBe('i');
  });

  test('can take its pending id back', async () => {
    const f = await CoordinatorFixture.started();
    const a = await f.stableMember();
    const pending = f.join('', { memberIdRequired: true });
    const b = f.join('');
    const rejoin = f.join(a);
    await settle();
    expect(b.settled).toBe(false);
    expect(await f.leave(pending.got.memberId)).toBe(0);
    await settle();
    expect([b.got.generationId, rejoin.got.generationId]).toEqual([2, 2]);
  });
});

describe('the first rebalance', () => {
  const settings = { 'group.initial.rebalance.delay.ms': '3000' };

  test('waits, and again while members come', async () => {
    const f = await CoordinatorFixture.started(settings);
    const a = f.join('');
    await f.advance(2_000);
    const b = f.join('');
    await f.advance(1_000);
    expect(a.settled).toBe(false);
    await f.advance(2_999);
    expect(a.settled).toBe(false);
    await f.advance(1);
    expect(a.got).toMatchObject({ errorCode: 0, generationId: 1, leader: a.got.memberId });
    expect(a.got.members.map(({ memberId }) => memberId)).toEqual([a.got.memberId, b.got.memberId]);
    expect(b.got).toMatchObject({ generationId: 1, leader: a.got.memberId, members: [] });
  });

  test('at most the rebalance timeout', async () => {
    const f = await CoordinatorFixture.started(settings);
    const a = f.join('', { rebalanceTimeoutMs: 7_000 });
    for (let i = 0; i < 6; i++) {
      await f.advance(1_000);
      f.join('', { rebalanceTimeoutMs: 7_000 });
    }
    expect(a.settled).toBe(false);
    await f.advance(1_000);
    expect(a.got.generationId).toBe(1);
  });

  test('of a group that emptied waits again', async () => {
    const f = await CoordinatorFixture.started(settings);
    const a = f.join('');
    await f.advance(3_000);
    await f.leave(a.got.memberId);
    expect(await f.stateOf()).toBe('Empty');
    const b = f.join('');
    await f.advance(2_999);
    expect(b.settled).toBe(false);
    await f.advance(1);
    expect(b.got.generationId).toBe(3);
  });
});

describe('a later rebalance', () => {
  test('waits for the known members, then does without them', async () => {
    const f = await CoordinatorFixture.started();
    const a = await f.stableMember({ sessionTimeoutMs: 1_000_000 });
    const b = f.join('');
    expect(await f.heartbeat(a, 1)).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
    await f.advance(29_999);
    expect(b.settled).toBe(false);
    await f.advance(1);
    expect(b.got).toMatchObject({ generationId: 2, leader: b.got.memberId });
    expect(b.got.members.length).toBe(1);
    expect(await f.heartbeat(a, 1)).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
  });

  test('waits the longest of the rebalance timeouts', async () => {
    const f = await CoordinatorFixture.started();
    await f.stableMember({ sessionTimeoutMs: 1_000_000, rebalanceTimeoutMs: 50_000 });
    const b = f.join('', { rebalanceTimeoutMs: 10_000 });
    await f.advance(49_999);
    expect(b.settled).toBe(false);
    await f.advance(1);
    expect(b.got.generationId).toBe(2);
  });

  test('keeps the leader when it rejoins, and only it sees the members', async () => {
    const f = await CoordinatorFixture.started();
    const a = await f.stableMember({ metadataText: 'of a' });
    const b = f.join('', { metadataText: 'of b' });
    const rejoin = f.join(a, { metadataText: 'of a' });
    await settle();
    expect(rejoin.got.leader).toBe(a);
    expect(rejoin.got.members.map(({ metadata }) => text(metadata))).toEqual(['of a', 'of b']);
    expect(b.got).toMatchObject({ leader: a, members: [], protocolType: 'consumer', protocolName: 'range' });
  });

  test('votes for the protocol all support', async () => {
    const f = await CoordinatorFixture.started({ 'group.initial.rebalance.delay.ms': '10' });
    const joins = [
      f.join('', { protocolNames: ['only-a', 'x', 'y'] }),
      f.join('', { protocolNames: ['y', 'x'] }),
      f.join('', { protocolNames: ['y', 'x', 'only-c'] }),
    ];
    await f.advanceInSteps(30_000, 10);
    expect(joins.map((join) => join.got.protocolName)).toEqual(['y', 'y', 'y']);
  });

  test('a member may come twice: the first request is answered, the second parked', async () => {
    const f = await CoordinatorFixture.started();
    const a = await f.stableMember();
    f.join('');
    const [b1] = [f.join('', { memberIdRequired: true })];
    await settle();
    const first = f.join(b1!.got.memberId);
    const second = f.join(b1!.got.memberId);
    await settle();
    expect(first.got.errorCode).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
    expect(second.settled).toBe(false);
    f.join(a);
    await settle();
    expect(second.got.generationId).toBe(2);
  });

  test('a new member whose connection is gone is dropped after five minutes', async () => {
    const f = await CoordinatorFixture.started();
    const a = await f.stableMember({ sessionTimeoutMs: 1_800_000, rebalanceTimeoutMs: 1_000_000 });
    const b = f.join('');
    await f.advance(299_999);
    expect(b.settled).toBe(false);
    await f.advance(1);
    expect(b.got.errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
    const rejoin = f.join(a);
    await settle();
    expect(rejoin.got.members.length).toBe(1);
  });
});

describe('a known member joins', () => {
  test('CompletingRebalance, unchanged: the same answer again', async () => {
    const f = await CoordinatorFixture.started();
    const a = f.join('');
    await settle();
    const again = f.join(a.got.memberId);
    await settle();
    expect(again.got).toEqual(a.got);
  });

  test('CompletingRebalance, changed: another rebalance, and the parked sync is refused', async () => {
    const f = await CoordinatorFixture.started();
    const a = await f.stableMember();
    const b = f.join('');
    f.join(a);
    await settle();
    const sync = f.sync(b.got.memberId, 2);
    const again = f.join(a, { metadataText: 'new' });
    await settle();
    expect(sync.got.errorCode).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
    f.join(b.got.memberId);
    await settle();
    expect(again.got.generationId).toBe(3);
  });

  test('Stable, unchanged follower: the current generation', async () => {
    const f = await CoordinatorFixture.started();
    const a = await f.stableMember();
    const b = f.join('');
    f.join(a);
    await settle();
    f.sync(a, 2, { [a]: 'x' });
    await settle();
    const again = f.join(b.got.memberId);
    await settle();
    expect(again.got).toMatchObject({ errorCode: 0, generationId: 2, members: [] });
    expect(await f.stateOf()).toBe('Stable');
  });

  test('Stable, leader or changed subscription: a rebalance', async () => {
    const f = await CoordinatorFixture.started();
    const a = await f.stableMember();
    const again = f.join(a);
    await settle();
    expect(again.got.generationId).toBe(2);
  });
});

describe('SyncGroup', () => {
  async function pair() {
    const f = await CoordinatorFixture.started();
    const a = await f.stableMember();
    const b = f.join('');
    f.join(a);
    await settle();
    return { f, a, b: b.got.memberId };
  }

  test('is parked until the leader has assigned', async () => {
    const { f, a, b } = await pair();
    const follower = f.sync(b, 2);
    await settle();
    expect(follower.settled).toBe(false);
    const leader = f.sync(a, 2, { [a]: 'for a', [b]: 'for b' });
    await settle();
    expect(text(leader.got.assignment)).toBe('for a');
    expect(text(follower.got.assignment)).toBe('for b');
    expect(follower.got).toMatchObject({ errorCode: 0, protocolType: 'consumer', protocolName: 'range' });
    expect(await f.stateOf()).toBe('Stable');
  });

  test('after that is answered at once; who was not assigned anything gets nothing', async () => {
    const { f, a, b } = await pair();
    f.sync(a, 2, { [a]: 'for a' });
    await settle();
    const follower = f.sync(b, 2);
    await settle();
    expect(follower.got).toMatchObject({ errorCode: 0 });
    expect(follower.got.assignment.length).toBe(0);
  });

  test.each([
    ['an unknown group', { groupId: 'other' }, ErrorCode.UNKNOWN_MEMBER_ID],
    ['an unknown member', { memberId: 'ghost' }, ErrorCode.UNKNOWN_MEMBER_ID],
    ['another generation', { generationId: 1 }, ErrorCode.ILLEGAL_GENERATION],
    ['another protocol type', { protocolType: 'connect' }, ErrorCode.INCONSISTENT_GROUP_PROTOCOL],
    ['another protocol', { protocolName: 'sticky' }, ErrorCode.INCONSISTENT_GROUP_PROTOCOL],
    ['an unknown instance', { groupInstanceId: 'i' }, ErrorCode.UNKNOWN_MEMBER_ID],
    ['the empty group id', { groupId: '' }, ErrorCode.INVALID_GROUP_ID],
  ])('refuses %s', async (_what, more, errorCode) => {
    const { f, a } = await pair();
    const sync = f.sync(a, 2, {}, more);
    await settle();
    expect(sync.got.errorCode).toBe(errorCode);
  });

  test('during PreparingRebalance is told to join', async () => {
    const { f, a } = await pair();
    f.join('');
    const sync = f.sync(a, 2);
    await settle();
    expect(sync.got.errorCode).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
  });

  test('those who have not synced within the rebalance timeout are removed', async () => {
    const { f, a, b } = await pair();
    for (let ms = 0; ms < 30_000; ms += 5_000) {
      await f.heartbeat(a, 2);
      await f.heartbeat(b, 2);
      if (ms === 0) f.sync(a, 2, { [a]: 'x' });
      await f.advance(5_000);
    }
    expect(await f.heartbeat(b, 2)).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
    expect(await f.heartbeat(a, 2)).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
  });

  test('a leader that never syncs takes the rebalance with it; the parked are told to join again', async () => {
    const { f, a, b } = await pair();
    const follower = f.sync(b, 2);
    for (let ms = 0; ms < 30_000; ms += 5_000) {
      expect(follower.settled).toBe(false);
      expect(await f.heartbeat(a, 2)).toBe(0);
      await f.advance(5_000);
    }
    expect(follower.got.errorCode).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
    const rejoin = f.join(b);
    await settle();
    expect(rejoin.got).toMatchObject({ errorCode: 0, leader: b });
  });
});

describe('Heartbeat', () => {
  test('by state', async () => {
    const f = await CoordinatorFixture.started();
    const join = f.join('');
    await settle();
    const a = join.got.memberId;
    expect(await f.heartbeat(a, 1), 'CompletingRebalance').toBe(0);
    f.sync(a, 1, { [a]: 'x' });
    await settle();
    expect(await f.heartbeat(a, 1), 'Stable').toBe(0);
    expect(await f.heartbeat(a, 0), 'wrong generation').toBe(ErrorCode.ILLEGAL_GENERATION);
    expect(await f.heartbeat('ghost', 1)).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
    f.join('');
    expect(await f.heartbeat(a, 1), 'PreparingRebalance').toBe(ErrorCode.REBALANCE_IN_PROGRESS);
  });

  test('keeps the session alive; silence ends it', async () => {
    const f = await CoordinatorFixture.started();
    const a = await f.stableMember();
    await f.advance(9_999);
    expect(await f.heartbeat(a, 1)).toBe(0);
    await f.advance(9_999);
    expect(await f.stateOf()).toBe('Stable');
    await f.advance(1);
    expect(await f.stateOf()).toBe('Empty');
    expect(await f.heartbeat(a, 1)).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
  });

  test('a parked member cannot send any and stays', async () => {
    const f = await CoordinatorFixture.started();
    const a = await f.stableMember({ rebalanceTimeoutMs: 60_000 });
    const b = f.join('', { rebalanceTimeoutMs: 60_000, sessionTimeoutMs: 6_000 });
    const rejoin = f.join(a, { rebalanceTimeoutMs: 60_000 });
    await settle();
    const follower = f.sync(b.got.memberId, 2);
    for (let i = 0; i < 5; i++) {
      await f.advance(5_000);
      expect(await f.heartbeat(a, 2)).toBe(0);
    }
    expect(follower.settled).toBe(false);
    f.sync(a, rejoin.got.generationId, { [b.got.memberId]: 'x' });
    await settle();
    expect(text(follower.got.assignment)).toBe('x');
  });
});

describe('LeaveGroup', () => {
  test('has the others rebalance, the last one empties the group', async () => {
    const f = await CoordinatorFixture.started();
    const a = await f.stableMember();
    const b = f.join('');
    f.join(a);
    await settle();
    expect(await f.leave(a)).toBe(0);
    expect(await f.heartbeat(b.got.memberId, 2)).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
    expect(await f.leave(b.got.memberId)).toBe(0);
    expect(await f.stateOf()).toBe('Empty');
    expect(await f.leave(a)).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
  });

  test('each member of a batch has its own error; a parked request of a leaver is answered', async () => {
    const f = await CoordinatorFixture.started();
    await f.stableMember();
    const b = f.join('', { groupInstanceId: 'i' });
    await settle();
    const answer = await f.coordinator.leaveGroup({
      groupId: 'g',
      members: [
        { memberId: 'ghost', groupInstanceId: null },
        { memberId: '', groupInstanceId: 'i' },
        { memberId: '', groupInstanceId: 'j' },
      ],
    });
    await settle();
    expect(answer).toEqual({
      errorCode: 0,
      members: [
        { memberId: 'ghost', groupInstanceId: null, errorCode: ErrorCode.UNKNOWN_MEMBER_ID },
        { memberId: '', groupInstanceId: 'i', errorCode: 0 },
        { memberId: '', groupInstanceId: 'j', errorCode: ErrorCode.UNKNOWN_MEMBER_ID },
      ],
    });
    expect(b.got.errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
  });

  test('of an unknown group', async () => {
    const f = await CoordinatorFixture.started();
    expect(await f.leave('x')).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
  });
});
