// Static membership (KIP-345): an instance keeps its place through restarts, and only one process is that instance.
import { describe, expect, test } from 'vitest';
import { ErrorCode } from '../../../src/engine/base/error-code.ts';
import { CoordinatorFixture, settle, text } from './coordinator-fixture.ts';

describe('an instance that comes again', () => {
  test('to a stable group gets a new id and its old assignment, without a rebalance', async () => {
    const f = await CoordinatorFixture.started();
    const a = await f.stableMember({ groupInstanceId: 'i' });
    const again = f.join('', { groupInstanceId: 'i' });
    await settle();
    const { memberId } = again.got;
    expect(memberId).not.toBe(a);
    expect(again.got).toMatchObject({ errorCode: 0, generationId: 1, leader: memberId, skipAssignment: true });
    expect(again.got.members.length).toBe(1);
    const sync = f.sync(memberId, 1, {}, { groupInstanceId: 'i' });
    await settle();
    expect(text(sync.got.assignment)).toBe('a1');
    expect(await f.stateOf()).toBe('Stable');
  });

  test('as the leader with a client that cannot skip the assignment does not find itself leading', async () => {
    const f = await CoordinatorFixture.started();
    const a = await f.stableMember({ groupInstanceId: 'i' });
    const again = f.join('', { groupInstanceId: 'i', canSkipAssignment: false });
    await settle();
    expect(again.got).toMatchObject({ leader: a, skipAssignment: false, members: [] });
  });

  test('fences whoever still uses the old id', async () => {
    const f = await CoordinatorFixture.started();
    const a = await f.stableMember({ groupInstanceId: 'i' });
    f.join('', { groupInstanceId: 'i' });
    await settle();
    const join = f.join(a, { groupInstanceId: 'i' });
    const sync = f.sync(a, 1, {}, { groupInstanceId: 'i' });
    await settle();
    expect(join.got.errorCode).toBe(ErrorCode.FENCED_INSTANCE_ID);
    expect(sync.got.errorCode).toBe(ErrorCode.FENCED_INSTANCE_ID);
    expect(await f.heartbeat(a, 1, 'i')).toBe(ErrorCode.FENCED_INSTANCE_ID);
    expect(await f.leave(a, 'i')).toBe(ErrorCode.FENCED_INSTANCE_ID);
    expect(await f.commit(1, { memberId: a, generationId: 1, groupInstanceId: 'i' })).toBe(ErrorCode.FENCED_INSTANCE_ID);
  });

  test('with another protocol in use rebalances', async () => {
    const f = await CoordinatorFixture.started();
    await f.stableMember({ groupInstanceId: 'i', protocolNames: ['range', 'sticky'] });
    const again = f.join('', { groupInstanceId: 'i', protocolNames: ['sticky'] });
    await settle();
    expect(again.got).toMatchObject({ generationId: 2, protocolName: 'sticky' });
  });

  test('while the leader assigns rebalances', async () => {
    const f = await CoordinatorFixture.started();
    f.join('', { groupInstanceId: 'i' });
    await settle();
    const again = f.join('', { groupInstanceId: 'i' });
    await settle();
    expect(again.got.generationId).toBe(2);
  });

  test('while its first join is parked: that one is fenced', async () => {
    const f = await CoordinatorFixture.started();
    await f.stableMember();
    const first = f.join('', { groupInstanceId: 'i' });
    const second = f.join('', { groupInstanceId: 'i' });
    await settle();
    expect(first.got.errorCode).toBe(ErrorCode.FENCED_INSTANCE_ID);
    expect(second.settled).toBe(false);
  });

  test('when its new id cannot be written keeps the old one', async () => {
    const f = await CoordinatorFixture.started();
    const a = await f.stableMember({ groupInstanceId: 'i' });
    f.log.mood = { refuse: ErrorCode.NOT_ENOUGH_REPLICAS };
    const again = f.join('', { groupInstanceId: 'i', metadataText: 'other' });
    await settle();
    expect(again.got.errorCode).toBe(ErrorCode.COORDINATOR_NOT_AVAILABLE);
    expect(await f.heartbeat(a, 1, 'i')).toBe(0);
  });

  test('after our restart is known by its new id', async () => {
    const f = await CoordinatorFixture.started();
    await f.stableMember({ groupInstanceId: 'i' });
    const again = f.join('', { groupInstanceId: 'i' });
    await settle();
    await f.restart();
    expect(await f.heartbeat(again.got.memberId, 1, 'i')).toBe(0);
  });
});

test('a silent static member keeps its place in a rebalance until its session ends', async () => {
  const f = await CoordinatorFixture.started();
  const a = await f.stableMember({ groupInstanceId: 'i', sessionTimeoutMs: 60_000 });
  const b = f.join('');
  await f.advance(30_000);
  expect(b.got).toMatchObject({ generationId: 2, leader: b.got.memberId });
  expect(b.got.members.map(({ memberId }) => memberId)).toEqual([a, b.got.memberId]);
});

test('a rebalance of silent static members alone waits for one of them', async () => {
  const f = await CoordinatorFixture.started();
  const a = await f.stableMember({ groupInstanceId: 'i', sessionTimeoutMs: 90_000 });
  const b = f.join('', { sessionTimeoutMs: 90_000 });
  await f.advance(30_000);
  await f.leave(b.got.memberId);
  // The only member left is silent: no generation without anybody who could lead it.
  await f.advance(30_000);
  expect(await f.stateOf()).toBe('PreparingRebalance');
  await f.advance(30_000);
  expect(await f.stateOf()).toBe('Empty');
  expect(await f.heartbeat(a, 1, 'i')).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
});
