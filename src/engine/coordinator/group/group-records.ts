// The records of `__consumer_offsets` that classic groups write, in Kafka's own formats. Owner: pure. Not hot.
//
// The int16 before a key says what the record is; the int16 before a value is the version of its body.

import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import type { CoordinatorRecord } from '../partition-log.ts';
import { type GroupMetadataValue, groupMetadataKeySchema, groupMetadataValueSchema } from '../records/generated/group-metadata.ts';
import { type OffsetCommitKey, offsetCommitKeySchema, offsetCommitValueSchema } from '../records/generated/offset-commit.ts';
import type { CommittedOffset, Group } from './group.ts';
import { metadataFor } from './member.ts';

/** What Kafka wrote in offset keys before 0.9; the body is the same. */
const OFFSET_COMMIT_RECORD_OLD = 0;
const KEY_BODY_VERSION = 0;
/** The newest that every Kafka 4 tool reads; later ones only add what stays empty here. */
const GROUP_VALUE_VERSION = 3;
const OFFSET_VALUE_VERSION = 3;
/** The only version with an expiry time of the offset's own. */
const OFFSET_VALUE_VERSION_EXPIRING = 1;

export type GroupRecord =
  | { readonly kind: 'offset'; readonly key: OffsetCommitKey; readonly value: CommittedOffset | null }
  | { readonly kind: 'group'; readonly groupId: string; readonly value: GroupMetadataValue | null }
  /** Written by a newer or another coordinator. */
  | { readonly kind: 'other' };

export function decodeGroupRecord(key: Uint8Array, value: Uint8Array | null): GroupRecord {
  const r = new ByteReader(key);
  const recordType = r.int16();
  if (recordType === OFFSET_COMMIT_RECORD_OLD || recordType === offsetCommitKeySchema.recordType) {
    return { kind: 'offset', key: offsetCommitKeySchema.decode(r, KEY_BODY_VERSION), value: value === null ? null : decodeOffset(value) };
  }
  if (recordType === groupMetadataKeySchema.recordType) {
    const { group } = groupMetadataKeySchema.decode(r, KEY_BODY_VERSION);
    return { kind: 'group', groupId: group, value: value === null ? null : decodeGroup(value) };
  }
  return { kind: 'other' };
}

function decodeGroup(value: Uint8Array): GroupMetadataValue {
  const r = new ByteReader(value);
  const version = r.int16();
  return groupMetadataValueSchema.decode(r, Math.min(version, groupMetadataValueSchema.maxVersion));
}

function decodeOffset(value: Uint8Array): CommittedOffset {
  const r = new ByteReader(value);
  const version = r.int16();
  const found = offsetCommitValueSchema.decode(r, Math.min(version, offsetCommitValueSchema.maxVersion));
  return {
    offset: found.offset,
    leaderEpoch: found.leaderEpoch,
    metadata: found.metadata,
    commitTimestampMs: found.commitTimestamp,
    expireTimestampMs: found.expireTimestamp,
  };
}

export function offsetRecord(groupId: string, topic: string, partition: number, offset: CommittedOffset): CoordinatorRecord {
  const version = offset.expireTimestampMs >= 0 ? OFFSET_VALUE_VERSION_EXPIRING : OFFSET_VALUE_VERSION;
  const w = new ByteWriter(64);
  w.int16(version);
  const { leaderEpoch, metadata, commitTimestampMs, expireTimestampMs } = offset;
  offsetCommitValueSchema.encode(
    w,
    { offset: offset.offset, leaderEpoch, metadata, commitTimestamp: commitTimestampMs, expireTimestamp: expireTimestampMs },
    version,
  );
  return { key: offsetKey(groupId, topic, partition), value: w.copy() };
}

export function offsetTombstone(groupId: string, topic: string, partition: number): CoordinatorRecord {
  return { key: offsetKey(groupId, topic, partition), value: null };
}

function offsetKey(group: string, topic: string, partition: number): Uint8Array {
  const w = new ByteWriter(64);
  w.int16(offsetCommitKeySchema.recordType);
  offsetCommitKeySchema.encode(w, { group, topic, partition }, KEY_BODY_VERSION);
  return w.copy();
}

/** The group as it is now, but with these assignments by member id, empty where there is none. */
export function groupRecord(group: Group, assignmentOf: (memberId: string) => Uint8Array, stateTimestampMs: number): CoordinatorRecord {
  const w = new ByteWriter(512);
  w.int16(GROUP_VALUE_VERSION);
  const members = [...group.members.values()].map((member) => ({
    memberId: member.memberId,
    groupInstanceId: member.groupInstanceId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    rebalanceTimeout: member.rebalanceTimeoutMs,
    sessionTimeout: member.sessionTimeoutMs,
    subscription: metadataFor(member, group.protocol),
    assignment: assignmentOf(member.memberId),
  }));
  const { generation, protocol, leaderId: leader } = group;
  const protocolType = group.protocolType ?? '';
  groupMetadataValueSchema.encode(
    w,
    { protocolType, generation, protocol, leader, currentStateTimestamp: stateTimestampMs, members },
    GROUP_VALUE_VERSION,
  );
  return { key: groupKey(group.id), value: w.copy() };
}

export function groupTombstone(groupId: string): CoordinatorRecord {
  return { key: groupKey(groupId), value: null };
}

function groupKey(group: string): Uint8Array {
  const w = new ByteWriter(32);
  w.int16(groupMetadataKeySchema.recordType);
  groupMetadataKeySchema.encode(w, { group }, KEY_BODY_VERSION);
  return w.copy();
}
