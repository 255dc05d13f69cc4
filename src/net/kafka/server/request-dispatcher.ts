// Every API but Produce and Fetch: header, version check, decode, and, when everything before it on its connection has
// been answered, handler and answer. Owner: the shard's thread. Not hot: these requests may allocate.

import { BrokenInvariant } from '../../../engine/base/assert.ts';
import { ByteReader, MalformedBytes } from '../../../engine/base/byte-reader.ts';
import { ByteWriter, UnencodableField } from '../../../engine/base/byte-writer.ts';
import type { ShardServices } from '../../../engine/broker/shard-services.ts';
import { Frame } from '../../../engine/io/tick-layout.ts';
import { PendingRequest } from '../../../engine/purgatory/request-line.ts';
import type { Reactor } from '../../reactor/reactor.ts';
import type { AnyApiHandler, RequestContext } from '../handlers/api-handler.ts';
import { type ApiRegistry, unsupportedApiVersions } from '../handlers/api-registry.ts';
import { clientIdOf, headerEnd } from '../wire/request-header.ts';
import { REQUEST_ELEMENTS_MAX } from '../wire/request-limits.ts';
import type { Connection } from './connection.ts';
import type { Outbox } from './outbox.ts';
import type { RequestTimes } from './request-times.ts';

const API_VERSIONS = 18;

export interface DispatchListener {
  refuse(connection: Connection, reason: string): void;
  failed(api: string, error: unknown): void;
}

/** A request in line: handled and answered when its turn comes. */
class PendingAnswer extends PendingRequest {
  readonly connection: Connection;
  private readonly dispatcher: RequestDispatcher;
  readonly handler: AnyApiHandler;
  request: unknown = undefined;
  /** Its frame's size. */
  sizeBytes = 0;
  response: unknown = undefined;
  failed = false;

  constructor(dispatcher: RequestDispatcher, connection: Connection, handler: AnyApiHandler) {
    super();
    this.dispatcher = dispatcher;
    this.connection = connection;
    this.handler = handler;
  }

  override answer(): void {
    this.dispatcher.answer(this);
  }

  override onTurn(): void {
    this.dispatcher.onTurn(this);
  }

  override onDeadline(): void {
    // Handlers bound their own waiting.
  }
}

export class RequestDispatcher {
  private readonly reactor: Reactor;
  private readonly outbox: Outbox;
  private readonly times: RequestTimes;
  private readonly registry: ApiRegistry;
  private readonly services: ShardServices;
  private readonly listener: DispatchListener;
  private readonly reader = new ByteReader();
  private readonly writer = new ByteWriter();
  private stopped = false;

  constructor(
    reactor: Reactor,
    outbox: Outbox,
    times: RequestTimes,
    registry: ApiRegistry,
    services: ShardServices,
    listener: DispatchListener,
  ) {
    this.reactor = reactor;
    this.outbox = outbox;
    this.times = times;
    this.registry = registry;
    this.services = services;
    this.listener = listener;
  }

  onFrame(connection: Connection, slot: number): void {
    const cq = this.reactor.cq;
    const apiKey = cq[slot + Frame.API_KEY]!;
    const version = cq[slot + Frame.API_VERSION]!;
    const correlationId = cq[slot + Frame.CORRELATION_ID]!;
    const handler = this.registry.handlers.get(apiKey);
    const range = this.registry.ranges.get(apiKey);
    if (handler === undefined || range === undefined) {
      this.listener.refuse(connection, `unknown or unsupported API key ${apiKey} (version ${version})`);
      return;
    }
    if (version < range.min || version > range.max) {
      if (apiKey === API_VERSIONS) this.answerUnsupportedApiVersions(connection, correlationId, handler);
      else this.listener.refuse(connection, `${handler.api.name} version ${version} is not supported (${range.min} to ${range.max} are)`);
      return;
    }
    const offset = cq[slot + Frame.OFFSET]!;
    const length = cq[slot + Frame.LENGTH]!;
    const request = this.decode(connection, handler, offset, offset + length, version);
    if (request === undefined) return;
    const pending = new PendingAnswer(this, connection, handler);
    pending.apiVersion = version;
    pending.correlationId = correlationId;
    pending.request = request.value;
    pending.sizeBytes = length;
    this.times.arrived(pending, apiKey);
    connection.line.enter(pending);
    if (connection.line.head === pending) this.start(pending);
    else connection.waitingBytes += length;
  }

  /** No request that still waits for its turn is started any more: the logs are closing. */
  stop(): void {
    this.stopped = true;
  }

  onTurn(pending: PendingAnswer): void {
    pending.connection.waitingBytes -= pending.sizeBytes;
    // Its turn comes in the midst of what answered the one before, which a handler must not disturb. Once received it is
    // carried out even when its connection has gone, as it was before others could stand before it.
    queueMicrotask(() => {
      this.start(pending);
      this.reactor.schedule();
    });
  }

  private decode(
    connection: Connection,
    handler: AnyApiHandler,
    offset: number,
    end: number,
    version: number,
  ): { value: unknown } | undefined {
    const { arena, view } = this.reactor;
    const body = headerEnd(arena, view, offset, end, version >= handler.api.flexibleSince);
    if (body < 0) {
      this.listener.refuse(connection, `malformed header of ${handler.api.name}`);
      return undefined;
    }
    try {
      connection.clientId = clientIdOf(arena, view, offset) ?? '';
      const reader = this.reader.reset(arena, body, end, REQUEST_ELEMENTS_MAX);
      // Bytes after the body are ignored, as Kafka does: librdkafka 2.x leaves three after a Metadata request for all topics.
      return { value: handler.api.decodeRequest(reader, version) };
    } catch (error) {
      if (!(error instanceof MalformedBytes)) throw error;
      this.listener.refuse(connection, `malformed ${handler.api.name} version ${version}: ${error.message}`);
      return undefined;
    }
  }

  private start(pending: PendingAnswer): void {
    if (this.stopped) return;
    const { connection, handler, request } = pending;
    pending.request = undefined;
    try {
      const result = handler.handle(this.context(connection, pending.apiVersion), request);
      if (result instanceof Promise)
        void result.then(
          (response) => this.late(pending, response),
          (error: unknown) => this.fail(pending, error),
        );
      else this.settle(pending, result);
    } catch (error) {
      this.fail(pending, error);
    }
  }

  private context(connection: Connection, apiVersion: number): RequestContext {
    return {
      apiVersion,
      clientId: connection.clientId,
      clientHost: connection.clientHost,
      listener: connection.listener,
      services: this.services,
      noteSoftware: (name, softwareVersion) => {
        connection.softwareName = name;
        connection.softwareVersion = softwareVersion;
      },
    };
  }

  private settle(pending: PendingAnswer, response: unknown): void {
    pending.response = response;
    pending.line!.settle(pending);
  }

  /** An answer that became known outside a tick: it goes out in one of its own. */
  private late(pending: PendingAnswer, response: unknown): void {
    this.settle(pending, response);
    this.reactor.schedule();
  }

  private fail(pending: PendingAnswer, error: unknown): void {
    if (error instanceof BrokenInvariant) throw error;
    this.listener.failed(pending.handler.api.name, error);
    pending.failed = true;
    this.late(pending, undefined);
  }

  answer(pending: PendingAnswer): void {
    const connection = pending.connection;
    this.times.answered(pending);
    if (connection.line.closed || connection.closing) return;
    if (pending.failed) {
      this.listener.refuse(connection, `${pending.handler.api.name} failed`);
      return;
    }
    try {
      this.write(connection, pending.handler, pending.apiVersion, pending.correlationId, pending.response);
    } catch (error) {
      // An answer its version cannot express is a bug in one handler; the other connections go on.
      if (!(error instanceof UnencodableField)) throw error;
      this.listener.failed(pending.handler.api.name, error);
      this.listener.refuse(connection, `${pending.handler.api.name} failed`);
    }
  }

  private write(connection: Connection, handler: AnyApiHandler, version: number, correlationId: number, response: unknown): void {
    const writer = this.writer;
    writer.reset();
    writer.int32(0);
    writer.int32(correlationId);
    // ApiVersions answers have the plain header in every version: the client may not know our versions yet.
    if (version >= handler.api.flexibleSince && handler.api.key !== API_VERSIONS) writer.uvarint(0);
    handler.api.encodeResponse(writer, response, version);
    const frame = writer.view();
    writer.patchInt32(0, frame.length - 4);
    this.outbox.sendCopy(connection.conn, connection.generation, frame);
  }

  /** Too new for us: answered in the oldest layout with error 35 and what we speak, so that the client comes again. */
  private answerUnsupportedApiVersions(connection: Connection, correlationId: number, handler: AnyApiHandler): void {
    const pending = new PendingAnswer(this, connection, handler);
    pending.correlationId = correlationId;
    this.times.arrived(pending, API_VERSIONS);
    connection.line.enter(pending);
    this.settle(pending, unsupportedApiVersions(this.registry));
  }
}
