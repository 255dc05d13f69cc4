// Incremental fetch sessions (KIP-227): the broker remembers which partitions a client reads, so that a request only
// names what changed and an answer only carries what is new. Owner: the shard's thread.
//
// Sessions live on the shard that the connection came to. With `ringlog.listeners=single` a client that connects again may
// come to another one: it is told FETCH_SESSION_ID_NOT_FOUND, as by a Kafka broker that has restarted or evicted the session,
// and begins a new one with its next request. The old one is evicted in time.

import { ErrorCode } from '../../../engine/base/error-code.ts';
import type { FetchTarget } from '../../../engine/broker/fetch-target.ts';
import type { TopicEntry } from '../../../engine/partition/topic-table.ts';

const EPOCH_MAX = 0x7fffffff;
/** A session unused this long may be evicted for a new one. */
const EVICT_AFTER_MS = 120_000;

export class FetchSession {
  readonly id: number;
  readonly byTopicId: boolean;
  /** Epoch the next request must carry. */
  epoch = 1;
  lastUsedMs = 0;
  readonly targets: FetchTarget[] = [];
  /** Where the next answer's round begins. */
  first = 0;
  private readonly byTopic = new Map<TopicEntry, FetchTarget[]>();

  constructor(id: number, byTopicId: boolean) {
    this.id = id;
    this.byTopicId = byTopicId;
  }

  find(topic: TopicEntry | null, topicName: string, topicId: string, partitionIndex: number): FetchTarget | null {
    if (topic !== null) {
      const known = this.byTopic.get(topic)?.[partitionIndex];
      if (known !== undefined) return known;
    }
    // Unknown when it was added, or its topic was replaced since: rare, so a scan.
    for (const target of this.targets) {
      if (target.partitionIndex !== partitionIndex) continue;
      const same = this.byTopicId ? target.topicId === topicId && topicId !== '' : target.topicName === topicName && topicName !== '';
      if (same) return target;
    }
    return null;
  }

  add(target: FetchTarget): void {
    this.targets.push(target);
    if (target.topic === null || target.partitionIndex < 0) return;
    let row = this.byTopic.get(target.topic);
    if (row === undefined) this.byTopic.set(target.topic, (row = []));
    row[target.partitionIndex] = target;
  }

  forget(target: FetchTarget): void {
    const at = this.targets.indexOf(target);
    if (at >= 0) this.targets.splice(at, 1);
    if (target.topic !== null) delete this.byTopic.get(target.topic)?.[target.partitionIndex];
    if (this.first >= this.targets.length) this.first = 0;
  }

  advance(): void {
    this.epoch = this.epoch === EPOCH_MAX ? 1 : this.epoch + 1;
  }
}

export class FetchSessionCache {
  private readonly sessions = new Map<number, FetchSession>();
  private readonly slots: number;
  private readonly random: () => number;

  /** `random` yields numbers in [0, 1). */
  constructor(slots: number, random: () => number) {
    this.slots = slots;
    this.random = random;
  }

  get size(): number {
    return this.sessions.size;
  }

  /** A new session, or null when the cache is full of sessions in use: the client then goes on without one. */
  create(byTopicId: boolean, nowMs: number): FetchSession | null {
    if (this.sessions.size >= this.slots && !this.evictOldest(nowMs)) return null;
    let id = 0;
    while (id === 0 || this.sessions.has(id)) id = Math.floor(this.random() * EPOCH_MAX) + 1;
    const session = new FetchSession(id, byTopicId);
    session.lastUsedMs = nowMs;
    this.sessions.set(id, session);
    return session;
  }

  close(id: number): void {
    this.sessions.delete(id);
  }

  /** The session a request with this id and epoch continues, or Kafka's error for it. */
  use(id: number, epoch: number, byTopicId: boolean, nowMs: number): FetchSession | number {
    const session = this.sessions.get(id);
    if (session === undefined) return ErrorCode.FETCH_SESSION_ID_NOT_FOUND;
    if (session.epoch !== epoch) return ErrorCode.INVALID_FETCH_SESSION_EPOCH;
    if (session.byTopicId !== byTopicId) return ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR;
    session.advance();
    session.lastUsedMs = nowMs;
    // The map's order is the order of last use.
    this.sessions.delete(id);
    this.sessions.set(id, session);
    return session;
  }

  private evictOldest(nowMs: number): boolean {
    const oldest = this.sessions.values().next().value;
    if (oldest === undefined || nowMs - oldest.lastUsedMs < EVICT_AFTER_MS) return false;
    this.sessions.delete(oldest.id);
    return true;
  }
}
