// ClientTap: between one client's socket and the broker. It sees every request and answer, and does to them what faults say.
// Owner: the test's thread. Not hot.
//
// Answers leave a connection in the order of its requests, those that the broker never saw among them: each request that will
// be answered has a place in line, and the broker's answers go to the places of what it was given, in order.

import type { Socket } from 'node:net';
import { ByteReader } from '../engine/base/byte-reader.ts';
import { ByteWriter } from '../engine/base/byte-writer.ts';
import { clientIdOf, headerEnd } from '../net/kafka/wire/request-header.ts';
import type { Link } from '../net/reactor/link.ts';
import { PortableLink } from '../net/reactor/portable-link.ts';
import type { BrokerClock } from './broker-clock.ts';
import { errorAnswer } from './error-answers.ts';
import type { FaultPlan, Faults } from './faults.ts';
import { type AnyApi, apisByKey, type Message } from './kafka-api.ts';
import type { RequestLog } from './request-log.ts';
import { targetsOf, type TopicNames } from './request-targets.ts';

export interface TapParts {
  readonly clock: BrokerClock;
  readonly faults: Faults;
  readonly requests: RequestLog;
  readonly names: TopicNames;
  /** Larger ones are the broker's to refuse. */
  readonly requestMaxBytes: number;
}

const PREFIX_BYTES = 4;
const API_PRODUCE = 0;
const API_VERSIONS = 18;

/** A request whose answer has not left. */
interface Place {
  readonly plan: FaultPlan | null;
  /** The broker has it, and will answer. */
  readonly asked: boolean;
  /** What becomes of the broker's answer; null: it stays. */
  readonly edit: ((frame: Buffer) => Buffer) | null;
  answer: Buffer | null;
  /** Not before then, by the broker's clock. */
  readonly dueMs: number;
  held: boolean;
}

interface Request {
  readonly api: AnyApi;
  readonly version: number;
  readonly correlationId: number;
  readonly clientId: string | null;
  /** Up to its body. */
  readonly header: Buffer;
  readonly message: Message;
}

export class ClientTap implements Link {
  readonly peer: string;
  readonly #parts: TapParts;
  readonly #socket: Socket;
  readonly #link: PortableLink;
  readonly #give: (chunk: Uint8Array) => void;
  readonly #line: Place[] = [];
  /** Came while the clock was being moved. */
  readonly #waiting: Buffer[] = [];
  #in: Buffer = Buffer.alloc(0);
  #out: Buffer = Buffer.alloc(0);
  /** What came in cannot be cut into frames: the broker shall see for itself. */
  #blind = false;
  #gone = false;
  #finish: (() => void) | null = null;
  readonly #alarms = new Set<() => void>();

  constructor(socket: Socket, give: (chunk: Uint8Array) => void, parts: TapParts) {
    this.#socket = socket;
    this.#link = new PortableLink(socket);
    this.#give = give;
    this.#parts = parts;
    this.peer = this.#link.peer;
  }

  /** From the client. */
  readonly take = (chunk: Buffer): void => {
    if (this.#gone) return;
    const { clock } = this.#parts;
    if (this.#waiting.length > 0 || clock.moving) {
      this.#waiting.push(chunk);
      if (this.#waiting.length === 1) clock.whenStill(() => this.#takeWaiting());
      return;
    }
    this.#read(chunk);
  };

  #takeWaiting(): void {
    for (const chunk of this.#waiting.splice(0)) if (!this.#gone) this.#read(chunk);
  }

  #read(chunk: Buffer): void {
    if (this.#blind) return this.#give(chunk);
    this.#in = this.#in.length === 0 ? chunk : Buffer.concat([this.#in, chunk]);
    while (this.#in.length >= PREFIX_BYTES && !this.#gone) {
      const length = this.#in.readInt32BE(0);
      if (length < 0 || length > this.#parts.requestMaxBytes) {
        this.#blind = true;
        this.#give(this.#in);
        return;
      }
      if (this.#in.length < PREFIX_BYTES + length) return;
      const frame = this.#in.subarray(0, PREFIX_BYTES + length);
      this.#in = this.#in.subarray(PREFIX_BYTES + length);
      this.#onRequest(frame);
    }
  }

  /** From the broker. */
  write(bytes: Uint8Array, done: () => void): void {
    // The broker's memory is its own again when this is done.
    this.#out = Buffer.concat([this.#out, bytes]);
    while (this.#out.length >= PREFIX_BYTES) {
      const end = PREFIX_BYTES + this.#out.readInt32BE(0);
      if (this.#out.length < end) break;
      const frame = this.#out.subarray(0, end);
      this.#out = this.#out.subarray(end);
      this.#onAnswer(frame);
    }
    if (this.#socket.writableNeedDrain) this.#socket.once('drain', done);
    else done();
  }

  setReading(reading: boolean): void {
    this.#link.setReading(reading);
  }

  finish(done: () => void): void {
    this.#finish = done;
    this.#send();
  }

  destroy(): void {
    this.#gone = true;
    for (const drop of this.#alarms) drop();
    this.#link.destroy();
  }

  #onRequest(frame: Buffer): void {
    const request = readRequest(frame);
    // What cannot be read is the broker's to refuse; so is what comes behind it.
    if (request === null) {
      this.#line.push({ plan: null, asked: true, edit: null, answer: null, dueMs: 0, held: false });
      this.#give(frame);
      return;
    }
    const { faults, requests, names, clock } = this.#parts;
    const { api, version, clientId, message } = request;
    const { targets, all } = targetsOf(api.name, message, names);
    requests.note(api.name, version, clientId, targets, clock.wallMs());
    const plan = faults.meet({ api: api.name, clientId, targets, all });
    if (plan?.drop === 'before') {
      this.destroy();
      return;
    }
    if (api.key === API_PRODUCE && message['acks'] === 0) this.#withoutAnswer(frame, request, plan);
    else if (plan?.codeOf == null) this.#ask(frame, plan, null);
    else this.#withErrors(frame, request, plan);
  }

  #ask(frame: Buffer, plan: FaultPlan | null, edit: Place['edit']): void {
    this.#line.push({ plan, asked: true, edit, answer: null, ...this.#due(plan) });
    this.#give(frame);
  }

  /** As Kafka does: whoever wants no answer learns of an error by the end of the connection. */
  #withoutAnswer(frame: Buffer, request: Request, plan: FaultPlan | null): void {
    if (plan === null) return this.#give(frame);
    const { api, version, message } = request;
    const left = plan.codeOf === null ? message : errorAnswer(api.name, version, message, plan.codeOf, this.#parts.names).request;
    if (left !== null) this.#give(left === message ? frame : requestFrame(request, left));
    if (plan.codeOf === null && plan.drop === null && plan.torn < 0) return;
    // The tick that carries it out has been asked for by now.
    setImmediate(() => this.destroy());
  }

  #withErrors(frame: Buffer, request: Request, plan: FaultPlan): void {
    const { api, version, message } = request;
    const { request: left, answer } = errorAnswer(api.name, version, message, plan.codeOf!, this.#parts.names);
    if (left !== null) {
      const edit = (got: Buffer): Buffer => answerFrame(request, answer(readAnswer(request, got)));
      this.#ask(left === message ? frame : requestFrame(request, left), plan, edit);
      return;
    }
    const place: Place = { plan, asked: false, edit: null, answer: answerFrame(request, answer(null)), ...this.#due(plan) };
    this.#line.push(place);
    this.#hold(place);
    this.#send();
  }

  #onAnswer(frame: Buffer): void {
    const place = this.#line.find(({ asked, answer }) => asked && answer === null);
    if (place === undefined || this.#gone) return;
    place.answer = place.edit === null ? frame : place.edit(frame);
    this.#hold(place);
    this.#send();
  }

  #due(plan: FaultPlan | null): Pick<Place, 'dueMs' | 'held'> {
    const delayMs = plan?.delayMs ?? 0;
    return { dueMs: this.#parts.clock.monotonicMs() + delayMs, held: delayMs > 0 };
  }

  #hold(place: Place): void {
    if (!place.held) return;
    const { clock } = this.#parts;
    const drop = clock.at(place.dueMs, () => {
      this.#alarms.delete(drop);
      place.held = false;
      this.#send();
    });
    this.#alarms.add(drop);
  }

  /** Everything that is ready, in order. */
  #send(): void {
    while (!this.#gone) {
      const [next] = this.#line;
      if (next === undefined || next.held || next.answer === null) break;
      this.#line.shift();
      if (next.plan?.drop === 'after-append') this.destroy();
      else if (next.plan !== null && next.plan.torn >= 0)
        this.#tear(next.answer.subarray(0, Math.min(next.plan.torn, next.answer.length - 1)));
      else this.#socket.write(next.answer);
    }
    // The broker closes: what is still to come from it never does.
    if (this.#finish !== null && !this.#gone && !this.#line.some(({ answer }) => answer !== null)) this.#link.finish(this.#finish);
  }

  #tear(bytes: Buffer): void {
    this.#gone = true;
    if (bytes.length > 0) this.#socket.write(bytes);
    this.#link.finish(() => this.destroy());
  }
}

function readRequest(frame: Buffer): Request | null {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < PREFIX_BYTES + 8) return null;
  const api = apisByKey.get(view.getInt16(PREFIX_BYTES));
  const version = view.getInt16(PREFIX_BYTES + 2);
  if (api === undefined || version < api.minVersion || version > api.maxVersion) return null;
  const body = headerEnd(frame, view, PREFIX_BYTES, frame.length, version >= api.flexibleSince);
  if (body < 0) return null;
  try {
    const message = api.decodeRequest(new ByteReader(frame.subarray(body)), version);
    const clientId = clientIdOf(frame, view, PREFIX_BYTES);
    return { api, version, correlationId: view.getInt32(PREFIX_BYTES + 4), clientId, header: frame.subarray(0, body), message };
  } catch {
    return null;
  }
}

function requestFrame({ api, version, header }: Request, message: Message): Buffer {
  const writer = new ByteWriter();
  api.encodeRequest(writer, message, version);
  const frame = Buffer.concat([header, writer.copy()]);
  frame.writeInt32BE(frame.length - PREFIX_BYTES, 0);
  return frame;
}

/** ApiVersions answers have the plain header in every version. */
function hasTags({ api, version }: Request): boolean {
  return version >= api.flexibleSince && api.key !== API_VERSIONS;
}

function readAnswer(request: Request, frame: Buffer): Message {
  const reader = new ByteReader(frame.subarray(PREFIX_BYTES));
  reader.int32();
  if (hasTags(request)) reader.skipTags();
  return request.api.decodeResponse(reader, request.version);
}

function answerFrame(request: Request, message: Message): Buffer {
  const writer = new ByteWriter();
  writer.int32(0);
  writer.int32(request.correlationId);
  if (hasTags(request)) writer.uvarint(0);
  request.api.encodeResponse(writer, message, request.version);
  const frame = Buffer.from(writer.copy());
  frame.writeInt32BE(frame.length - PREFIX_BYTES, 0);
  return frame;
}
