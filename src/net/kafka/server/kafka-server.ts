// One shard's Kafka listener: connections, frames to handlers, answers in order. Owner: the shard's thread.
// Hot: onTick() and what it calls for Produce and Fetch.
//
// A tick: drain completions (frames are decoded and their appends staged) → submit (appends are written) → drain their
// completions → endTick decides produces and wakes fetches → what is left in the submission ring goes out on return.

import { ShardCell } from '../../../engine/base/counter-layout.ts';
import { MalformedBytes } from '../../../engine/base/byte-reader.ts';
import type { ShardBroker } from '../../../engine/broker/shard-broker.ts';
import type { ShardServices } from '../../../engine/broker/shard-services.ts';
import { CloseReason, Cq, CQ_SLOT_WORDS, CqField, Ctl, Frame, FrameStatus } from '../../../engine/io/tick-layout.ts';
import type { Reactor } from '../../reactor/reactor.ts';
import { FetchHandler } from '../handlers/fetch.ts';
import { NodeEndpoints } from '../handlers/node-endpoints.ts';
import { ProduceHandler } from '../handlers/produce.ts';
import type { ApiRegistry } from '../handlers/api-registry.ts';
import { Connection } from './connection.ts';
import { IdleConnections } from './idle-connections.ts';
import { Outbox } from './outbox.ts';
import { RequestTimes } from './request-times.ts';
import { RequestDispatcher } from './request-dispatcher.ts';
import { headerEnd } from '../wire/request-header.ts';

const API_PRODUCE = 0;
const API_FETCH = 1;
/** Requests one connection may have in line; more are left in its socket. */
const LINE_MAX = 1000;
/** Frame bytes of requests that one connection may have wait for their turn; one request may be of any size. */
const WAITING_BYTES_MAX = 256 * 1024;

export interface KafkaServerLog {
  /** One line for a connection that was closed for a reason of its own making. */
  connectionRefused(peer: string, clientId: string, reason: string): void;
  /** A handler threw: a bug, or a request that an API cannot refuse otherwise. */
  handlerFailed(api: string, error: unknown): void;
}

export interface KafkaServerParts {
  readonly reactor: Reactor;
  readonly broker: ShardBroker;
  readonly services: ShardServices;
  readonly registry: ApiRegistry;
  readonly log: KafkaServerLog;
  readonly random: () => number;
}

export class KafkaServer {
  readonly connections: (Connection | null)[] = [];
  readonly times: RequestTimes;
  private readonly parts: KafkaServerParts;
  private readonly reactor: Reactor;
  private readonly broker: ShardBroker;
  private readonly outbox: Outbox;
  private readonly produce: ProduceHandler;
  private readonly fetch: FetchHandler;
  private readonly dispatcher: RequestDispatcher;
  private armedMs = Infinity;

  constructor(parts: KafkaServerParts) {
    this.parts = parts;
    this.reactor = parts.reactor;
    this.broker = parts.broker;
    this.outbox = new Outbox(parts.reactor);
    const endpoints = new NodeEndpoints(() => parts.services.image());
    this.times = new RequestTimes(parts.broker.counters, parts.reactor);
    this.produce = new ProduceHandler(parts.broker, this.outbox, endpoints, this.times, (connection, reason) =>
      this.refuse(connection, reason),
    );
    this.fetch = new FetchHandler(parts.broker, this.outbox, endpoints, this.times, parts.random);
    this.dispatcher = new RequestDispatcher(parts.reactor, this.outbox, this.times, parts.registry, parts.services, {
      refuse: (connection, reason) => this.refuse(connection, reason),
      failed: (api, error) => parts.log.handlerFailed(api, error),
    });
    // The wheel holds it from here on.
    void new IdleConnections(parts.broker, this.connections, (idle) => this.close(idle));
  }

  /** The logs are closing: requests that have not begun do not begin any more. */
  stop(): void {
    this.dispatcher.stop();
  }

  onTick(): void {
    const { logs } = this.broker;
    this.times.noteCompletions(this.reactor.ctl[Ctl.CQ_COUNT]!);
    this.broker.appendLine.advance();
    this.drain();
    do {
      // Frames may still be unread in their blocks, so appends are carried out only now, all of the tick together. The
      // end of a tick may stage more: coordinators write.
      while (logs.pendingAppends > 0) {
        this.reactor.submit();
        this.drain();
      }
      this.broker.endTick();
    } while (logs.pendingAppends > 0);
    this.armTimer();
    this.times.endTick();
  }

  /** Take every completion; afterwards the ring is empty, so that whatever the next submit() has to say finds room. */
  private drain(): void {
    const { ctl } = this.reactor;
    for (let next = 0; next < ctl[Ctl.CQ_COUNT]!; next++) this.onCompletion(next * CQ_SLOT_WORDS);
    ctl[Ctl.CQ_COUNT] = 0;
  }

  private onCompletion(slot: number): void {
    const cq = this.reactor.cq;
    switch (cq[slot + CqField.OP]) {
      case Cq.FRAME:
        this.onFrame(slot);
        break;
      case Cq.APPENDED:
        this.broker.logs.onAppended(cq[slot + CqField.TICKET]!, cq[slot + CqField.RESULT]!);
        break;
      case Cq.SENT:
        this.onSent(cq[slot + CqField.TICKET]!);
        break;
      case Cq.SYNCED:
        this.broker.logs.onSynced(cq[slot + CqField.TICKET]!, cq[slot + CqField.RESULT]!);
        break;
      case Cq.COMMITTED:
        this.broker.logs.onCommitted(cq[slot + CqField.TICKET]!, cq[slot + CqField.RESULT]!);
        break;
      case Cq.WRITTEN_BACK:
        this.broker.logs.onWrittenBack(cq[slot + CqField.RESULT]!);
        break;
      case Cq.VERIFIED:
        this.broker.logs.onVerified(cq[slot + CqField.RESULT]!);
        break;
      case Cq.READ_DONE:
        this.broker.logs.onReadDone(cq[slot + CqField.TICKET]!, cq[slot + CqField.RESULT]!);
        break;
      case Cq.ACCEPTED:
        this.onAccepted(cq[slot + CqField.CONN]!, cq[slot + CqField.GENERATION]!);
        break;
      case Cq.CLOSED:
        this.onClosed(cq[slot + CqField.CONN]!, cq[slot + CqField.GENERATION]!, cq[slot + CqField.RESULT]!);
        break;
      case Cq.TIMER:
        this.armedMs = Infinity;
        break;
      case Cq.WAKE:
        // Mail of other threads is drained at the start of every tick.
        break;
    }
  }

  private onSent(ticket: number): void {
    const { remote } = this.broker;
    if (remote === null || !remote.onSent(ticket)) this.broker.logs.onSent(ticket);
  }

  private onAccepted(conn: number, generation: number): void {
    this.connections[conn] = new Connection(conn, generation, this.reactor.peerAddress(conn));
    const { counters } = this.broker;
    counters.add(ShardCell.CONNECTIONS, 1);
    counters.add(ShardCell.CONNECTIONS_ACCEPTED, 1);
  }

  private onClosed(conn: number, generation: number, result: number): void {
    const connection = this.connections[conn];
    if (connection == null || connection.generation !== generation) return;
    if (result > 0) this.noteRefused(connection, closeReasonText(result));
    this.connections[conn] = null;
    this.broker.counters.add(ShardCell.CONNECTIONS, -1);
    connection.line.closed = true;
    this.fetch.onClosed(connection);
  }

  private onFrame(slot: number): void {
    const cq = this.reactor.cq;
    const connection = this.connections[cq[slot + Frame.CONN]!];
    if (connection == null || connection.generation !== cq[slot + Frame.GENERATION] || connection.closing) return;
    connection.silentLooks = 0;
    const status = cq[slot + Frame.STATUS]!;
    if (status !== FrameStatus.OK) {
      this.refuse(connection, status === FrameStatus.MALFORMED ? 'malformed request' : 'too many partitions in one request');
      return;
    }
    const apiKey = cq[slot + Frame.API_KEY]!;
    const version = cq[slot + Frame.API_VERSION]!;
    if (apiKey === API_PRODUCE && version >= 3 && version <= 13) this.produce.onFrame(connection, slot);
    else if (apiKey === API_FETCH && version >= 4 && version <= 18) this.onFetch(connection, slot, version);
    else this.dispatcher.onFrame(connection, slot);
    if (connection.line.length > LINE_MAX || connection.waitingBytes > WAITING_BYTES_MAX) this.pause(connection);
  }

  private onFetch(connection: Connection, slot: number, version: number): void {
    const cq = this.reactor.cq;
    const offset = cq[slot + Frame.OFFSET]!;
    const end = offset + cq[slot + Frame.LENGTH]!;
    const body = headerEnd(this.reactor.arena, this.reactor.view, offset, end, version >= 12);
    if (body < 0) {
      this.refuse(connection, 'malformed request header');
      return;
    }
    try {
      this.fetch.onFrame(connection, cq[slot + Frame.CORRELATION_ID]!, version, body, end);
    } catch (error) {
      if (!(error instanceof MalformedBytes)) throw error;
      this.refuse(connection, `malformed Fetch: ${error.message}`);
    }
  }

  /** Close for a reason of the client's making. */
  private refuse(connection: Connection, reason: string): void {
    if (connection.closing) return;
    this.noteRefused(connection, reason);
    this.close(connection);
  }

  private noteRefused({ peer, clientId }: Connection, reason: string): void {
    this.broker.counters.add(ShardCell.CONNECTIONS_REFUSED, 1);
    this.parts.log.connectionRefused(peer, clientId, reason);
  }

  private close(connection: Connection): void {
    connection.closing = true;
    this.outbox.close(connection.conn, connection.generation, false);
  }

  /** Too many unanswered requests: leave the rest in the socket until half of them are answered. */
  private pause(connection: Connection): void {
    if (connection.paused) return;
    connection.paused = true;
    this.outbox.setReading(connection.conn, connection.generation, false);
    this.awaitRoom(connection);
  }

  private awaitRoom(connection: Connection): void {
    connection.line.whenShorter(LINE_MAX / 2, () => {
      if (connection.waitingBytes > WAITING_BYTES_MAX / 2) {
        this.awaitRoom(connection);
        return;
      }
      connection.paused = false;
      if (!connection.line.closed) this.outbox.setReading(connection.conn, connection.generation, true);
    });
  }

  private armTimer(): void {
    const next = this.broker.wheel.nextDeadlineMs();
    if (next === this.armedMs) return;
    // A timer that comes too early costs one empty tick; moving it for every parked fetch would cost one call each.
    if (next > this.armedMs && this.armedMs > this.broker.nowMs()) return;
    this.armedMs = next;
    this.outbox.arm(next);
  }
}

function closeReasonText(reason: number): string {
  switch (reason) {
    case CloseReason.FRAME_TOO_LARGE:
      return 'request larger than socket.request.max.bytes';
    case CloseReason.FRAME_NEGATIVE:
      return 'negative request length';
    case CloseReason.SEND_QUEUE_FULL:
      return 'client does not read its answers';
    default:
      return `closed by the reactor (${reason})`;
  }
}
