// Identities of topics, clusters and log directories: 16 bytes, written as Kafka writes them, 22 characters of
// unpadded base64url. Owner: any thread; no state. Not hot.

import { randomBytes } from 'node:crypto';
import { assert } from './assert.ts';

export const UUID_BYTES = 16;
const UUID_TEXT = /^[A-Za-z0-9_-]{21}[AQgw]$/;

/** Means "none" on the wire. */
export const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA';
/** Kafka keeps the identity 1 for its own metadata topic. */
const METADATA_TOPIC_UUID = 'AAAAAAAAAAAAAAAAAAAAAQ';

/** Where new identities come from; the simulator passes a seeded one. */
export interface UuidSource {
  next(): string;
}

export function isUuidText(text: string): boolean {
  return UUID_TEXT.test(text);
}

export function uuidFromBytes(bytes: Uint8Array, offset = 0): string {
  assert(bytes.length >= offset + UUID_BYTES, 'a uuid has 16 bytes', bytes.length, offset);
  return Buffer.from(bytes.buffer, bytes.byteOffset + offset, UUID_BYTES).toString('base64url');
}

export function uuidToBytes(text: string): Uint8Array {
  assert(isUuidText(text), 'not a uuid in base64url', text);
  return new Uint8Array(Buffer.from(text, 'base64url'));
}

/** Version 4 identities over a source of random bytes. */
export function uuidSource(random: (sizeBytes: number) => Uint8Array): UuidSource {
  return {
    next() {
      for (;;) {
        const bytes = Uint8Array.from(random(UUID_BYTES));
        bytes[6] = (bytes[6]! & 0x0f) | 0x40;
        bytes[8] = (bytes[8]! & 0x3f) | 0x80;
        const text = uuidFromBytes(bytes);
        // A leading '-' would read as an option on a command line, so no identity starts with one.
        if (!text.startsWith('-') && text !== ZERO_UUID && text !== METADATA_TOPIC_UUID) return text;
      }
    },
  };
}

export const systemUuidSource: UuidSource = uuidSource(randomBytes);
