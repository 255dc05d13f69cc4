// Memory of one single-producer single-consumer ring between two threads: the drawing, the constants, the views.
// Owner: shared; ring-producer.ts and ring-consumer.ts are the two ends. Hot: constants and views only.
//
//   byte 0     ┌──────────────────────────────────────────────┐ the producer's lines
//              │ TAIL          slots published                │   written by the producer
//              │ WANTS_SPACE   1 = the producer found it full │   set by the producer, cleared by the consumer
//   byte 128   ├──────────────────────────────────────────────┤ the consumer's lines
//              │ HEAD          slots given back               │   written by the consumer
//   byte 256   ├──────────────────────────────────────────────┤
//              │ slot 0 │ slot 1 │ …            64 bytes each │   ring of `slots` (a power of two)
//              ├──────────────────────────────────────────────┤
//              │ arena: payloads, each contiguous, 8-aligned  │   ring of `arenaBytes` (a power of two)
//              └──────────────────────────────────────────────┘
//
//   slot       │ KIND │ PAYLOAD_OFFSET │ PAYLOAD_LENGTH │ TICKET │ 12 words of the kind (message-layout.ts) │
//
// TAIL and HEAD count messages since the start and wrap as int32; a slot's place is its count modulo `slots`. Sides
// keep two lines (128 bytes) apart, because processors prefetch lines in pairs. The arena has no shared index: the
// producer remembers where each slot's payload ended, so HEAD alone gives slots and arena back, in order.
// Whether the consumer sleeps is not said here but on its thread's bell (doorbell.ts): one flag for all its rings.
//
// The three views span the whole memory, so a slot's words are words[at + FIELD], f64[(at >> 1) + FIELD_F64], and its
// payload is bytes[words[at + PAYLOAD_OFFSET] …], or words and f64 at that offset divided by 4 and 8.

import { assert } from '../../engine/base/assert.ts';

/** Int32 words in one slot (64 bytes: one cache line). */
export const SLOT_WORDS = 16;
/** Payloads start at multiples of this, so that they can be read through any view. */
export const PAYLOAD_ALIGN = 8;

/** Shared words, by Int32 index. */
export const RingWord = {
  TAIL: 0,
  WANTS_SPACE: 1,
  HEAD: 32,
  /** First word of slot 0. */
  SLOTS: 64,
} as const;

/** Words every message has. PAYLOAD_OFFSET counts from the start of the ring's memory; both are written by claim(). */
export const SlotField = {
  KIND: 0,
  PAYLOAD_OFFSET: 1,
  PAYLOAD_LENGTH: 2,
  TICKET: 3,
} as const;

/** What travels between threads: a ring's memory and its shape. Cloned by workerData and postMessage. */
export interface RingHandle {
  readonly memory: SharedArrayBuffer;
  readonly slots: number;
  readonly arenaBytes: number;
}

/** One thread's views of a ring. */
export interface SpscRing {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly f64: Float64Array<SharedArrayBuffer>;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly slots: number;
  readonly arenaBytes: number;
  /** Byte offset of the arena in the memory. */
  readonly arenaStart: number;
}

export function allocateRing(slots: number, arenaBytes: number): RingHandle {
  assert(isPowerOfTwo(slots) && slots <= 2 ** 20, 'a ring has a power of two of slots', slots);
  assert(
    isPowerOfTwo(arenaBytes) && arenaBytes >= 4 * PAYLOAD_ALIGN && arenaBytes <= 2 ** 29,
    "a ring's arena is a power of two of bytes",
    arenaBytes,
  );
  return { memory: new SharedArrayBuffer(arenaStartOf(slots) + arenaBytes), slots, arenaBytes };
}

export function openRing(handle: RingHandle): SpscRing {
  const { memory, slots, arenaBytes } = handle;
  const arenaStart = arenaStartOf(slots);
  assert(memory.byteLength === arenaStart + arenaBytes, "a ring's memory has its shape", memory.byteLength, slots, arenaBytes);
  return {
    words: new Int32Array(memory),
    f64: new Float64Array(memory),
    bytes: new Uint8Array(memory),
    slots,
    arenaBytes,
    arenaStart,
  };
}

function arenaStartOf(slots: number): number {
  return (RingWord.SLOTS + slots * SLOT_WORDS) * Int32Array.BYTES_PER_ELEMENT;
}

function isPowerOfTwo(n: number): boolean {
  return Number.isInteger(n) && n > 0 && n <= 2 ** 30 && (n & (n - 1)) === 0;
}
