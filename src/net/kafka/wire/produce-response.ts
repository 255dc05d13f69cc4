// The Produce answer, written by hand: versions 3 to 13, straight into the out region. Owner: the shard's thread.
// Hot: no object, no string. Tested against the generated codec on random operations.

import { ErrorCode } from '../../../engine/base/error-code.ts';
import type { ProduceOperation } from '../../../engine/broker/produce-operation.ts';

const FLEXIBLE_SINCE = 9;
const TOPIC_ID_SINCE = 13;
const LEADER_HINT_SINCE = 10;
/** Of one partition entry: index, error, three int64, empty record errors, null message, tags with a leader hint. */
const ENTRY_BYTES_MAX = 48;
const FIXED_BYTES_MAX = 64;

/** An upper bound of what writeProduceResponse() needs, without the answer's tags. */
export function produceResponseBytesMax(operation: ProduceOperation): number {
  let size = FIXED_BYTES_MAX + operation.count * ENTRY_BYTES_MAX;
  for (let entry = 0; entry < operation.count; entry++) {
    if (operation.topicStarts[entry] === 1) size += nameOf(operation, entry).length + 16;
    const message = operation.messages[entry];
    if (message != null) size += message.length * 3 + 5;
  }
  return size;
}

/** Whether the entry's answer says who leads its partition (KIP-951). */
function hasLeaderHint(operation: ProduceOperation, entry: number): boolean {
  const wrongNode = operation.errors[entry] === ErrorCode.NOT_LEADER_OR_FOLLOWER;
  return wrongNode && operation.apiVersion >= LEADER_HINT_SINCE && operation.topics[entry] != null;
}

/** The nodes that the entries of the answer name as leaders; null, without an allocation, when there are none. */
export function leadersNamed(operation: ProduceOperation): Set<number> | null {
  let leaders: Set<number> | null = null;
  for (let entry = 0; entry < operation.count; entry++) {
    if (hasLeaderHint(operation, entry)) (leaders ??= new Set()).add(leaderOf(operation, entry));
  }
  return leaders;
}

function leaderOf(operation: ProduceOperation, entry: number): number {
  return operation.topics[entry]!.leaderNodeIds[operation.partitionIndexes[entry]!]!;
}

/** The topic's name bytes as the request gave them (or as the topic table has them). */
function nameOf(operation: ProduceOperation, entry: number): Uint8Array {
  const topic = operation.topics[entry];
  if (topic == null) return operation.unknownNames[entry]!;
  return operation.apiVersion >= TOPIC_ID_SINCE ? topic.idBytes : topic.nameBytes;
}

// The writer keeps its place in a module variable: it is never re-entered (everything is synchronous), and a closure or
// a cursor object a call is what this file exists to avoid.
let at = 0;

/**
 * `tags`: the answer's tag section, which versions before 9 do not have.
 * @returns the offset after the answer; its first four bytes are the frame length.
 */
export function writeProduceResponse(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  operation: ProduceOperation,
  tags: Uint8Array,
): number {
  const version = operation.apiVersion;
  const flexible = version >= FLEXIBLE_SINCE;
  at = start + 4;
  view.setInt32(at, operation.correlationId);
  at += 4;
  if (flexible) bytes[at++] = 0;
  writeCount(bytes, view, countTopics(operation), flexible);
  let entry = 0;
  while (entry < operation.count) {
    const end = endOfTopic(operation, entry);
    writeTopicName(bytes, view, nameOf(operation, entry), version);
    writeCount(bytes, view, end - entry, flexible);
    for (; entry < end; entry++) writeEntry(bytes, view, operation, entry, version);
    if (flexible) bytes[at++] = 0;
  }
  view.setInt32(at, 0);
  at += 4;
  if (flexible) for (let i = 0; i < tags.length; i++) bytes[at++] = tags[i]!;
  view.setInt32(start, at - start - 4);
  return at;
}

function writeEntry(bytes: Uint8Array, view: DataView, operation: ProduceOperation, entry: number, version: number): void {
  const error = operation.errors[entry]!;
  view.setInt32(at, operation.partitionIndexes[entry]!);
  view.setInt16(at + 4, error);
  at += 6;
  writeInt64(view, operation.baseOffsets[entry]!);
  writeInt64(view, operation.appendTimesMs[entry]!);
  if (version >= 5) writeInt64(view, operation.logStartOffsets[entry]!);
  const flexible = version >= FLEXIBLE_SINCE;
  if (version >= 8) {
    writeCount(bytes, view, 0, flexible);
    writeMessage(bytes, view, operation.messages[entry]!, flexible);
  }
  if (!flexible) return;
  if (hasLeaderHint(operation, entry)) {
    writeLeaderHint(bytes, view, leaderOf(operation, entry), operation.topics[entry]!.leaderEpochs[operation.partitionIndexes[entry]!]!);
  } else {
    bytes[at++] = 0;
  }
}

/** Tag 0, CurrentLeader: leader id and epoch (KIP-951). */
function writeLeaderHint(bytes: Uint8Array, view: DataView, leaderId: number, leaderEpoch: number): void {
  bytes[at] = 1;
  bytes[at + 1] = 0;
  bytes[at + 2] = 9;
  view.setInt32(at + 3, leaderId);
  view.setInt32(at + 7, leaderEpoch);
  bytes[at + 11] = 0;
  at += 12;
}

function writeTopicName(bytes: Uint8Array, view: DataView, name: Uint8Array, version: number): void {
  if (version >= FLEXIBLE_SINCE && version < TOPIC_ID_SINCE) {
    writeUvarint(bytes, name.length + 1);
  } else if (version < FLEXIBLE_SINCE) {
    view.setInt16(at, name.length);
    at += 2;
  }
  // A loop, not set(): names are short, and set() of a small array costs more than the bytes.
  for (let i = 0; i < name.length; i++) bytes[at++] = name[i]!;
}

function writeMessage(bytes: Uint8Array, view: DataView, message: string | null, flexible: boolean): void {
  if (message === null) {
    if (flexible) bytes[at++] = 0;
    else {
      view.setInt16(at, -1);
      at += 2;
    }
    return;
  }
  const encoded = Buffer.from(message);
  if (flexible) writeUvarint(bytes, encoded.length + 1);
  else {
    view.setInt16(at, encoded.length);
    at += 2;
  }
  bytes.set(encoded, at);
  at += encoded.length;
}

function writeCount(bytes: Uint8Array, view: DataView, count: number, flexible: boolean): void {
  if (flexible) writeUvarint(bytes, count + 1);
  else {
    view.setInt32(at, count);
    at += 4;
  }
}

function writeUvarint(bytes: Uint8Array, value: number): void {
  let rest = value;
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
}

function writeInt64(view: DataView, value: number): void {
  const high = Math.floor(value / 4294967296);
  view.setInt32(at, high);
  view.setInt32(at + 4, value - high * 4294967296);
  at += 8;
}

function countTopics(operation: ProduceOperation): number {
  let topics = 0;
  for (let entry = 0; entry < operation.count; entry++) topics += operation.topicStarts[entry]!;
  return topics;
}

function endOfTopic(operation: ProduceOperation, entry: number): number {
  let end = entry + 1;
  while (end < operation.count && operation.topicStarts[end] === 0) end++;
  return end;
}
