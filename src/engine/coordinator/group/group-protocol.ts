// Which protocol (assignor) a group can and does use, and which topics its members subscribe to. Owner: pure. Not hot.

import { ByteReader, MalformedBytes } from '../../base/byte-reader.ts';
import { consumerProtocolSubscriptionSchema } from '../records/generated/consumer-protocol.ts';
import { type Group, GroupState } from './group.ts';
import { type Member, type MemberProtocol, metadataFor } from './member.ts';

/** What Kafka's own consumers call themselves; other types (Connect) hold bytes of their own. */
export const CONSUMER_PROTOCOL_TYPE = 'consumer';

/** Whether a member of this type with these protocols can be in the group. */
export function acceptsProtocols(group: Group, protocolType: string, protocols: readonly MemberProtocol[]): boolean {
  if (protocolType === '' || protocols.length === 0) return false;
  if (group.state === GroupState.EMPTY) return true;
  if (protocolType !== group.protocolType) return false;
  return protocols.some(({ name }) => everyoneSpeaks(group.members.values(), name));
}

/** Each member votes for the first of its protocols that all can speak; most votes win, at a tie the earlier vote. */
export function selectProtocol(group: Group): string | null {
  const votes = new Map<string, number>();
  for (const member of group.members.values()) {
    const choice = member.protocols.find(({ name }) => everyoneSpeaks(group.members.values(), name));
    if (choice !== undefined) votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1);
  }
  let winner: string | null = null;
  let most = 0;
  for (const [name, count] of votes) {
    if (count <= most) continue;
    winner = name;
    most = count;
  }
  return winner;
}

function everyoneSpeaks(members: Iterable<Member>, protocol: string): boolean {
  for (const member of members) if (!member.protocols.some(({ name }) => name === protocol)) return false;
  return true;
}

/** Null when the members are no consumers, or one says what cannot be read. */
export function subscribedTopicsOf(group: Group): ReadonlySet<string> | null {
  if (group.protocolType !== CONSUMER_PROTOCOL_TYPE) return null;
  if (group.members.size === 0) return new Set();
  if (group.protocol === null) return null;
  const topics = new Set<string>();
  for (const member of group.members.values()) {
    const subscription = topicsIn(metadataFor(member, group.protocol));
    if (subscription === null) return null;
    for (const topic of subscription) topics.add(topic);
  }
  return topics;
}

/** The bytes are the client's own; each later version only adds fields at the end. */
function topicsIn(subscription: Uint8Array): readonly string[] | null {
  const { decode, maxVersion } = consumerProtocolSubscriptionSchema;
  try {
    const r = new ByteReader(subscription);
    const version = r.int16();
    return version < 0 ? null : decode(r, Math.min(version, maxVersion)).topics;
  } catch (error) {
    if (error instanceof MalformedBytes) return null;
    throw error;
  }
}
