// Ids of members: who they say they are, and a random identity in the form Kafka's tools show. Owner: pure. Not hot.

import { type UuidSource, uuidToBytes } from '../../base/uuid.ts';

/** `consumer-1-` and 36 characters of hexadecimal uuid. */
export function newMemberId(uuids: UuidSource, prefix: string): string {
  const hex = Buffer.from(uuidToBytes(uuids.next())).toString('hex');
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return `${prefix}-${parts.join('-')}`;
}
