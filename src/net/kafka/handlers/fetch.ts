// Fetch (API key 1), versions 4 to 18: from request bytes to file ranges on the socket. Owner: the shard's thread.
// Hot: operations, targets and plans are pooled; record bytes never pass through JavaScript.

import { ShardCell } from '../../../engine/base/counter-layout.ts';
import { signedCrc32c } from '../../../engine/base/crc32c.ts';
import { ErrorCode } from '../../../engine/base/error-code.ts';
import { ReusedList } from '../../../engine/base/reused-list.ts';
import { uuidFromBytes } from '../../../engine/base/uuid.ts';
import { FetchOperation } from '../../../engine/broker/fetch-operation.ts';
import { FetchTarget } from '../../../engine/broker/fetch-target.ts';
import type { ShardBroker } from '../../../engine/broker/shard-broker.ts';
import { lease } from '../../../engine/log/log-read.ts';
import type { PendingRequest } from '../../../engine/purgatory/request-line.ts';
import type { Connection } from '../server/connection.ts';
import type { Outbox } from '../server/outbox.ts';
import type { RequestTimes } from '../server/request-times.ts';
import { FetchRequestCursor } from '../wire/fetch-request.ts';
import { ANSWER_BYTES_MAX, FetchResponseWriter, hasLeaderHint, topicBytesMax } from '../wire/fetch-response.ts';
import { type FetchSession, FetchSessionCache } from './fetch-session.ts';
import { NO_TAGS, type NodeEndpoints } from './node-endpoints.ts';

const TOPIC_ID_SINCE = 13;
const API_FETCH = 1;
const NO_SESSION = 0;
const FINAL_EPOCH = -1;
const INITIAL_EPOCH = 0;
const NO_TOPIC = new Uint8Array(0);

/** A Fetch in line on its connection. */
class PendingFetch extends FetchOperation {
  connection: Connection | null = null;
  session: FetchSession | null = null;
  /** Only what the session's client does not know yet is answered. */
  incremental = false;
  /** Of the whole request: the session's id or epoch was wrong. */
  sessionError: number = ErrorCode.NONE;
  /** Targets of a request without a session, kept for reuse. */
  readonly own: FetchTarget[] = [];
  private readonly handler: FetchHandler;

  constructor(broker: ShardBroker, handler: FetchHandler) {
    super(broker);
    this.handler = handler;
  }

  override answer(): void {
    this.handler.answer(this);
  }
}

export class FetchHandler {
  readonly sessions: FetchSessionCache;
  private readonly broker: ShardBroker;
  private readonly outbox: Outbox;
  private readonly endpoints: NodeEndpoints;
  private readonly times: RequestTimes;
  private readonly writer: FetchResponseWriter;
  private readonly cursor = new FetchRequestCursor();
  private readonly idle = new ReusedList<PendingFetch>();
  private readonly maxBytesLimit: number;

  constructor(broker: ShardBroker, outbox: Outbox, endpoints: NodeEndpoints, times: RequestTimes, random: () => number) {
    this.broker = broker;
    this.outbox = outbox;
    this.endpoints = endpoints;
    this.times = times;
    this.writer = new FetchResponseWriter(outbox.bytes, outbox.view);
    this.sessions = new FetchSessionCache(broker.config['max.incremental.fetch.session.cache.slots'], random);
    this.maxBytesLimit = broker.config['fetch.max.bytes'];
  }

  /** `body`..`end`: the request after its header. @throws MalformedBytes before anything has been changed for this request */
  onFrame(connection: Connection, correlationId: number, version: number, body: number, end: number): void {
    const cursor = this.cursor;
    // To its end first: a request that turns out malformed must not have opened or moved a session.
    cursor.check(this.broker.ring.arena, body, end, version);
    cursor.begin(this.broker.ring.arena, body, end, version);
    const operation = this.idle.pop() ?? new PendingFetch(this.broker, this);
    operation.connection = connection;
    this.times.arrived(operation, API_FETCH);
    operation.correlationId = correlationId;
    operation.apiVersion = version;
    operation.byTopicId = version >= TOPIC_ID_SINCE;
    operation.minBytes = cursor.minBytes;
    operation.maxBytes = Math.min(cursor.maxBytes, this.maxBytesLimit);
    operation.maxWaitMs = cursor.maxWaitMs;
    operation.readCommitted = cursor.readCommitted;
    this.chooseSession(operation);
    if (operation.session === null) this.readTargets(operation);
    else this.updateSession(operation, operation.session);
    connection.line.enter(operation);
    if (operation.sessionError !== ErrorCode.NONE) operation.line!.settle(operation);
    else operation.begin();
  }

  /** The connection died: parked fetches are let go, so that their places in line empty. */
  onClosed(connection: Connection): void {
    let request: PendingRequest | null = connection.line.head;
    while (request !== null) {
      const next: PendingRequest | null = request.nextInLine;
      if (request instanceof PendingFetch) request.abandon();
      // What stood behind it may have answered with it.
      request = next !== null && next.line === null ? connection.line.head : next;
    }
  }

  private chooseSession(operation: PendingFetch): void {
    const { sessionId, sessionEpoch } = this.cursor;
    operation.session = null;
    operation.incremental = false;
    operation.sessionError = ErrorCode.NONE;
    if (sessionEpoch === FINAL_EPOCH || sessionEpoch === INITIAL_EPOCH) {
      if (sessionId !== NO_SESSION) this.sessions.close(sessionId);
      if (sessionEpoch === INITIAL_EPOCH) operation.session = this.sessions.create(operation.byTopicId, this.broker.nowMs());
      return;
    }
    const found = this.sessions.use(sessionId, sessionEpoch, operation.byTopicId, this.broker.nowMs());
    if (typeof found === 'number') operation.sessionError = found;
    else {
      operation.session = found;
      operation.incremental = true;
    }
  }

  /** Without a session: the operation's own targets, in request order. */
  private readTargets(operation: PendingFetch): void {
    const cursor = this.cursor;
    let count = 0;
    while (cursor.nextTopic()) {
      const topic = this.findTopic();
      while (cursor.nextPartition()) {
        const target = (operation.own[count] ??= new FetchTarget());
        count++;
        this.nameTarget(target, topic);
        this.fillTarget(target);
      }
    }
    operation.targets = operation.own;
    operation.count = count;
    operation.first = 0;
  }

  private updateSession(operation: PendingFetch, session: FetchSession): void {
    const cursor = this.cursor;
    while (cursor.nextTopic()) {
      const topic = this.findTopic();
      const name = topic === null ? this.topicText() : '';
      while (cursor.nextPartition()) {
        let target = session.find(topic, topic?.name ?? name, topic?.id ?? name, cursor.partition);
        if (target === null) {
          target = new FetchTarget();
          this.nameTarget(target, topic);
          this.fillTarget(target);
          session.add(target);
        } else {
          this.fillTarget(target);
        }
      }
    }
    cursor.beginForgotten();
    while (cursor.nextForgottenTopic()) {
      const topic = this.findTopic();
      const name = topic === null ? this.topicText() : '';
      while (cursor.nextForgottenPartition()) {
        const target = session.find(topic, topic?.name ?? name, topic?.id ?? name, cursor.partition);
        if (target !== null) session.forget(target);
      }
    }
    operation.targets = session.targets;
    operation.count = session.targets.length;
    operation.first = session.first;
  }

  private findTopic() {
    const { topicOffset, topicLength } = this.cursor;
    const arena = this.broker.ring.arena;
    const hash = signedCrc32c(arena, topicOffset, topicLength < 0 ? 16 : topicLength);
    return this.broker.topics.find(arena, topicOffset, topicLength, hash);
  }

  /** The current topic's name or text id; only for topics that are not known. */
  private topicText(): string {
    const { topicOffset, topicLength } = this.cursor;
    const arena = this.broker.ring.arena;
    if (topicLength < 0) return uuidFromBytes(arena, topicOffset);
    return Buffer.from(arena.buffer, arena.byteOffset + topicOffset, topicLength).toString();
  }

  private nameTarget(target: FetchTarget, topic: FetchTarget['topic']): void {
    target.topic = topic;
    if (topic === null) {
      const text = this.topicText();
      target.topicName = this.cursor.topicLength < 0 ? '' : text;
      target.topicId = this.cursor.topicLength < 0 ? text : '';
    } else {
      target.topicName = topic.name;
      target.topicId = topic.id;
    }
  }

  private fillTarget(target: FetchTarget): void {
    target.partitionIndex = this.cursor.partition;
    target.fetchOffset = this.cursor.fetchOffset;
    target.maxBytes = this.cursor.partitionMaxBytes;
    target.currentLeaderEpoch = this.cursor.currentLeaderEpoch;
  }

  answer(operation: PendingFetch): void {
    const connection = operation.connection!;
    if (!connection.line.closed) {
      if (operation.sessionError === ErrorCode.NONE) operation.attemptAgain();
      this.write(operation, connection);
    }
    this.times.answered(operation);
    operation.releaseRemote();
    operation.connection = null;
    operation.session = null;
    operation.targets = operation.own;
    operation.count = 0;
    this.idle.push(operation);
  }

  private write(operation: PendingFetch, connection: Connection): void {
    const count = operation.sessionError === ErrorCode.NONE ? operation.count : 0;
    const tags = this.tagsOf(operation, connection, count);
    const sizeMax = answerBytesMax(operation, count) + tags.length;
    const fits = sizeMax <= this.outbox.capacityBytes;
    const bytes = fits ? this.outbox.bytes : new Uint8Array(sizeMax);
    const writer = fits ? this.writer : new FetchResponseWriter(bytes, new DataView(bytes.buffer));
    const start = fits ? this.outbox.reserve(sizeMax) : 0;
    const sessionId = operation.session?.id ?? NO_SESSION;
    const topics = countTopics(operation, count);
    writer.begin(start, operation.apiVersion, operation.correlationId, operation.sessionError, sessionId, topics);
    for (let i = 0; i < count;) {
      const end = endOfTopic(operation, i, count);
      const included = countIncluded(operation, i, end);
      if (included > 0) this.writeTopic(writer, operation, i, end, included);
      i = end;
    }
    writer.end(tags);
    if (fits) this.outbox.trim(writer.at);
    this.send(connection, writer, start, fits ? null : bytes);
    if (operation.session !== null && count > 0) operation.session.first = (operation.first + 1) % count;
  }

  /** The addresses of the leaders that the answer names. */
  private tagsOf(operation: PendingFetch, connection: Connection, count: number): Uint8Array {
    if (!operation.faulty) return NO_TAGS;
    const leaders = new Set<number>();
    for (let i = 0; i < count; i++) {
      const target = targetAt(operation, i);
      if (hasLeaderHint(target, operation.apiVersion)) leaders.add(target.topic!.leaderNodeIds[target.partitionIndex]!);
    }
    return this.endpoints.tagsOf(leaders, connection.listener);
  }

  private writeTopic(writer: FetchResponseWriter, operation: PendingFetch, from: number, end: number, included: number): void {
    writer.topic(topicName(targetAt(operation, from), operation.byTopicId), included);
    for (let i = from; i < end; i++) {
      const target = targetAt(operation, i);
      if (!isIncluded(operation, target)) continue;
      writer.partition(target);
      this.count(target);
      // A partition with an error is told again once it is well.
      target.toldHighWatermark = target.error === ErrorCode.NONE ? target.highWatermark : -1;
      target.toldLogStartOffset = target.logStartOffset;
    }
    writer.endTopic();
  }

  private count({ topic, plannedBytes, error }: FetchTarget): void {
    if (topic !== null && !topic.gone) this.broker.counters.fetched(topic.counterRow, plannedBytes, error !== ErrorCode.NONE);
  }

  /** Header bytes and record ranges, alternating. `large`: the header bytes, where they did not fit the out region. */
  private send(connection: Connection, writer: FetchResponseWriter, start: number, large: Uint8Array | null): void {
    const { outbox, broker } = this;
    let from = start;
    for (let i = 0; i < writer.cutCount; i++) {
      const cut = writer.cuts[i]!;
      this.sendHeader(connection, from, cut, large);
      from = cut;
      const target = writer.cutTargets[i]!;
      const { plan } = target;
      this.broker.counters.add(plan.arenaOffset >= 0 && !target.remote ? ShardCell.READS_MEMORY : ShardCell.READS_FILE, 1);
      if (target.remote)
        outbox.sendFile(connection.conn, connection.generation, plan.fd, plan.position, plan.length, broker.remote!.lease(target));
      else if (plan.arenaOffset >= 0) outbox.send(connection.conn, connection.generation, plan.arenaOffset, plan.length);
      else outbox.sendFile(connection.conn, connection.generation, plan.fd, plan.position, plan.length, lease(broker.logs, plan));
    }
    if (writer.at > from) this.sendHeader(connection, from, writer.at, large);
  }

  private sendHeader(connection: Connection, from: number, to: number, large: Uint8Array | null): void {
    if (large === null) this.outbox.send(connection.conn, connection.generation, from, to - from);
    else this.outbox.sendCopy(connection.conn, connection.generation, large.subarray(from, to));
  }
}

function targetAt(operation: PendingFetch, i: number): FetchTarget {
  return operation.targets[(operation.first + i) % operation.count]!;
}

function isIncluded(operation: PendingFetch, target: FetchTarget): boolean {
  if (!operation.incremental || target.plannedBytes > 0 || target.error !== ErrorCode.NONE) return true;
  return target.highWatermark !== target.toldHighWatermark || target.logStartOffset !== target.toldLogStartOffset;
}

function sameTopic(a: FetchTarget, b: FetchTarget): boolean {
  return a.topic !== null ? a.topic === b.topic : b.topic === null && a.topicName === b.topicName && a.topicId === b.topicId;
}

/** End of the run of targets, from `from` on, that belong to one topic. */
function endOfTopic(operation: PendingFetch, from: number, count: number): number {
  const first = targetAt(operation, from);
  let end = from + 1;
  while (end < count && sameTopic(first, targetAt(operation, end))) end++;
  return end;
}

function countIncluded(operation: PendingFetch, from: number, end: number): number {
  let included = 0;
  for (let i = from; i < end; i++) if (isIncluded(operation, targetAt(operation, i))) included++;
  return included;
}

function countTopics(operation: PendingFetch, count: number): number {
  let topics = 0;
  for (let i = 0; i < count;) {
    const end = endOfTopic(operation, i, count);
    if (countIncluded(operation, i, end) > 0) topics++;
    i = end;
  }
  return topics;
}

function topicName(target: FetchTarget, byTopicId: boolean): Uint8Array {
  if (target.topic !== null) return byTopicId ? target.topic.idBytes : target.topic.nameBytes;
  if (byTopicId) return target.topicId === '' ? NO_TOPIC : Buffer.from(target.topicId, 'base64url');
  return Buffer.from(target.topicName);
}

function answerBytesMax(operation: PendingFetch, count: number): number {
  let size = ANSWER_BYTES_MAX;
  for (let i = 0; i < count; i++) {
    const target = operation.targets[i]!;
    size += topicBytesMax(target.topic === null ? target.topicName.length * 3 + 16 : target.topic.nameBytes.length, 1);
  }
  return size;
}
