// The bytes of `__consumer_offsets` as Kafka writes them, spelled out field by field, and older ones read.
import { expect, test } from 'vitest';
import { Group } from '../../../src/engine/coordinator/group/group.ts';
import {
  decodeGroupRecord,
  groupRecord,
  groupTombstone,
  offsetRecord,
  offsetTombstone,
} from '../../../src/engine/coordinator/group/group-records.ts';
import { Member } from '../../../src/engine/coordinator/group/member.ts';
import { Deadline } from '../../../src/engine/coordinator/group/deadline.ts';
import { TimingWheel } from '../../../src/engine/purgatory/timing-wheel.ts';

/** Hexadecimal, with text in quotes taken as it is. */
function bytes(...parts: string[]): string {
  return parts.map((part) => (part.startsWith("'") ? Buffer.from(part.slice(1)).toString('hex') : part.replaceAll(' ', ''))).join('');
}

const hex = (u8: Uint8Array | null): string => Buffer.from(u8!).toString('hex');
const OFFSET_KEY = bytes('0001', '0005', "'group", '0005', "'topic", '00000007');
const GROUP_KEY = bytes('0002', '0005', "'group");

test('an offset, version 3', () => {
  const offset = { offset: 258, leaderEpoch: 9, metadata: 'note', commitTimestampMs: 1_700_000_000_000, expireTimestampMs: -1 };
  const { key, value } = offsetRecord('group', 'topic', 7, offset);
  expect(hex(key)).toBe(OFFSET_KEY);
  expect(hex(value)).toBe(bytes('0003', '0000000000000102', '00000009', '0004', "'note", '0000018bcfe56800'));
  expect(decodeGroupRecord(key, value)).toEqual({ kind: 'offset', key: { group: 'group', topic: 'topic', partition: 7 }, value: offset });
});

test('an offset with an expiry of its own, version 1, which has no leader epoch', () => {
  const offset = { offset: 1, leaderEpoch: 9, metadata: '', commitTimestampMs: 2, expireTimestampMs: 3 };
  const { key, value } = offsetRecord('group', 'topic', 7, offset);
  expect(hex(value)).toBe(bytes('0001', '0000000000000001', '0000', '0000000000000002', '0000000000000003'));
  expect(decodeGroupRecord(key, value)).toMatchObject({ value: { ...offset, leaderEpoch: -1 } });
});

test('a group, version 3', () => {
  const deadline = (): Deadline => new Deadline(new TimingWheel(0), () => undefined);
  const group = new Group('group', () => ({ join: deadline(), sync: deadline() }));
  group.protocolType = 'consumer';
  group.generation = 5;
  group.protocol = 'range';
  const facts = { clientId: 'c', clientHost: '/::1', sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 30_000 };
  const protocols = [{ name: 'range', metadata: Buffer.from('sub') }];
  group.addMember(new Member({ ...facts, memberId: 'm', groupInstanceId: 'i', protocols }, deadline()));
  const { key, value } = groupRecord(group, () => Buffer.from('parts'), 6);
  expect(hex(key)).toBe(GROUP_KEY);
  expect(hex(value)).toBe(
    bytes(
      '0003',
      '0008',
      "'consumer",
      '00000005',
      '0005',
      "'range",
      '0001',
      "'m",
      '0000000000000006',
      '00000001',
      ...['0001', "'m", '0001', "'i", '0001', "'c", '0004', "'/::1", '00007530', '00002710', '00000003', "'sub", '00000005', "'parts"],
    ),
  );
});

test('tombstones', () => {
  expect([hex(offsetTombstone('group', 'topic', 7).key), offsetTombstone('group', 'topic', 7).value]).toEqual([OFFSET_KEY, null]);
  expect([hex(groupTombstone('group').key), groupTombstone('group').value]).toEqual([GROUP_KEY, null]);
});

test('keys of the oldest form, and of records that are not ours', () => {
  const old = Buffer.from(OFFSET_KEY.replace(/^0001/, '0000'), 'hex');
  expect(decodeGroupRecord(old, null)).toMatchObject({ kind: 'offset', key: { partition: 7 }, value: null });
  expect(decodeGroupRecord(Buffer.from('0003', 'hex'), Buffer.from('0000', 'hex'))).toEqual({ kind: 'other' });
});

test('groups as older brokers wrote them, without rebalance timeout and instance', () => {
  const value = bytes(
    ...['0000', '0008', "'consumer", '00000001', '0005', "'range", '0001', "'m", '00000001'],
    ...['0001', "'m", '0001', "'c", '0002', "'/h", '00002710', '00000000', '00000000'],
  );
  expect(decodeGroupRecord(Buffer.from(GROUP_KEY, 'hex'), Buffer.from(value, 'hex'))).toMatchObject({
    kind: 'group',
    groupId: 'group',
    value: { generation: 1, members: [{ memberId: 'm', groupInstanceId: null, rebalanceTimeout: -1, sessionTimeout: 10_000 }] },
  });
});
