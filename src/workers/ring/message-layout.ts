// What travels in a ring's slots: message kinds and the place of every field.
// Owner: written by the sending thread, read by the receiving one. Hot: constants only.
//
// Partitions are named by topic id (16 bytes in the payload) and index: shards number their logs each for itself.
//
// Words 0..3 are SlotField (spsc-ring.ts). Fields named *_F64 index the Float64Array at (at >> 1); all others index the
// Int32Array at `at`. TICKET is the sender's own number for the request and comes back untouched in its answer.
// PARTITION is the partition's index in its topic.
//
// Single-port Produce:  shard A ── FORWARD_APPEND ──► owner B       (bytes stay in A's receive block until the answer)
//                       shard A ◄── APPEND_RESULT ─── owner B
// Single-port Fetch:    shard A ── FETCH_PLAN_REQUEST ► owner B
//                       shard A ◄── FETCH_PLAN ────── owner B       (numbers only: a descriptor is valid in every thread)
//                       shard A ── RELEASE_LEASE ───► owner B       (the socket has taken the bytes)
// Parked fetch:         as above with BEYOND_BYTES: B answers when there is more, or when A sends UNWATCH
// Embedded caller:      as Produce and Fetch, from the supervisor's thread; its batches lie in the mesh's caller arena

import { SlotField } from './spsc-ring.ts';

export const MessageKind = {
  /** Part of a msgpack-encoded control message: control-channel.ts. */
  CONTROL: 1,
  FORWARD_APPEND: 2,
  APPEND_RESULT: 3,
  FETCH_PLAN_REQUEST: 4,
  FETCH_PLAN: 5,
  RELEASE_LEASE: 6,
  UNWATCH: 7,
} as const;

/** One batch to append. Facts are BatchFacts' (engine/record/batch-facts.ts), as the sender's native side found them. */
export const ForwardAppend = {
  ...SlotField,
  PARTITION: 4,
  LENGTH: 5,
  /** Absolute address of the batch, or with IN_CALLER_ARENA its offset there. */
  ADDRESS_F64: 3,
  ATTRIBUTES: 8,
  LAST_OFFSET_DELTA: 9,
  RECORD_COUNT: 10,
  PRODUCER_EPOCH: 11,
  BASE_SEQUENCE: 12,
  ACKS: 13,
  TIMEOUT_MS: 14,
  /** IN_CALLER_ARENA, KEYLESS. */
  FLAGS: 15,
} as const;

/** FLAGS: the batch lies in the sender's one of RingMesh.callerArenas. */
export const IN_CALLER_ARENA = 1;
/** FLAGS: some record of an uncompressed batch in the caller's arena has no key. */
export const KEYLESS = 2;

/** Payload of FORWARD_APPEND: f64 index from (PAYLOAD_OFFSET >> 3), bytes from PAYLOAD_OFFSET. */
export const ForwardAppendPayload = {
  BASE_TIMESTAMP_F64: 0,
  MAX_TIMESTAMP_F64: 1,
  PRODUCER_ID_F64: 2,
  TOPIC_ID: 24,
  BYTES: 40,
} as const;

export const AppendResult = {
  ...SlotField,
  PARTITION: 4,
  ERROR_CODE: 5,
  BASE_OFFSET_F64: 3,
  /** -1 unless the topic stamps append time. */
  LOG_APPEND_TIME_F64: 4,
  LOG_START_OFFSET_F64: 5,
  /** Leader epoch of the answering shard, for NOT_LEADER answers. */
  LEADER_EPOCH: 12,
} as const;

export const FetchPlanRequest = {
  ...SlotField,
  PARTITION: 4,
  MAX_BYTES: 5,
  FETCH_OFFSET_F64: 3,
  /** -1: not checked. */
  CURRENT_LEADER_EPOCH: 8,
  LAST_FETCHED_EPOCH: 9,
  /** 0 read uncommitted, 1 read committed. */
  ISOLATION_LEVEL: 10,
  /** 1: one whole batch even when it is longer than MAX_BYTES (first partition with data of a response). */
  AT_LEAST_ONE_BATCH: 11,
  /** -1: answer at once; otherwise when there is more than this to read, an error to tell, or after UNWATCH. */
  BEYOND_BYTES: 12,
} as const;

/** Payload of FETCH_PLAN_REQUEST. */
export const FetchPlanRequestPayload = { TOPIC_ID: 0, BYTES: 16 } as const;

/** A plan for one partition: one range of one file. */
export const FetchPlan = {
  ...SlotField,
  ERROR_CODE: 4,
  FD: 5,
  POSITION_F64: 3,
  LENGTH: 8,
  /** To give back with RELEASE_LEASE; -1 when LENGTH is 0 and nothing is held. */
  LEASE: 9,
  HIGH_WATERMARK_F64: 5,
  LAST_STABLE_OFFSET_F64: 6,
  LOG_START_OFFSET_F64: 7,
} as const;

export const ReleaseLease = {
  ...SlotField,
  LEASE: 4,
} as const;

/** The waiting question named by TICKET is to be answered now, with whatever there is; the answer may cross this. */
export const Unwatch = {
  ...SlotField,
} as const;

/** One chunk of a control message; TICKET is the call's number (0 for one-way messages). */
export const Control = {
  ...SlotField,
  /** The caller's own numbering of control messages. */
  CONTROL_KIND: 4,
  /** ControlRole. */
  ROLE: 5,
  /** Bytes of the whole message, of which this payload is the next part. */
  TOTAL_BYTES: 6,
} as const;

export const ControlRole = {
  ONE_WAY: 0,
  REQUEST: 1,
  ANSWER: 2,
  /** The answer to a request whose handler threw. */
  FAILURE: 3,
} as const;
