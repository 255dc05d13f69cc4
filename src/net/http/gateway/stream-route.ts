// WebSocket /v1/stream: produce with pipelined acks and subscribe with credit, in frames of msgpack. docs/gateway.md has the
// table of frames. Owner: the supervisor's thread. Warm: once a frame.
//
// Both directions are bounded by what was agreed on: a client that has more in flight than hello says is cut off, and a
// subscription sends what its credit allows, one fetch at a time. What the network has not taken is waited for; answers are not,
// and who leaves too many is cut off.

import { Acks } from '../../../engine/broker/log-access.ts';
import { HttpRefusal } from '../http-exchange.ts';
import { SocketClose, type SocketPeer, type SocketRoute } from '../socket-exchange.ts';
import { AppendGather } from './append-gather.ts';
import { RecordAppends, type StoredRange } from './append-records.ts';
import { type GatewayFault, STOPPING } from './gateway-error.ts';
import { type GatewayTerms, partitionNumber, topicNamed } from './gateway-log.ts';
import { IDEMPOTENCY_KEY_BYTES_MAX, sessionIdentity } from './idempotency-key.ts';
import { packed, unpacked } from './msgpack.ts';
import { ACKS, durabilityOf } from './produce-route.ts';
import { BadRecord, readRecord, type RecordDefaults } from './record-terms.ts';
import { StreamSubscription } from './stream-subscription.ts';

type Frame = Readonly<Record<string, unknown>>;

const PROTOCOL = 'ringlog.v1';
const FRAME_BYTES_MAX = 1024 * 1024;
const IN_FLIGHT_BYTES_MAX = 8 * 1024 * 1024;
/** Of answers, which wait for nobody, and of what subscriptions have sent. */
const UNTAKEN_BYTES_MAX = 32 * 1024 * 1024;
const SUBSCRIPTIONS_MAX = 256;
const NAME_CHARS_MAX = 40;
const DEFAULTS: RecordDefaults = { key: null, partition: null, timestamp: null };

export function streamRoute(terms: GatewayTerms): SocketRoute {
  const gather = new AppendGather(terms.wallMs);
  return {
    path: '/v1/stream',
    protocol: PROTOCOL,
    frameBytesMax: FRAME_BYTES_MAX,
    open: ({ remote }, peer) => new StreamClient(terms, gather, remote, peer),
  };
}

class StreamClient {
  private readonly terms: GatewayTerms;
  private readonly gather: AppendGather;
  private readonly remote: string;
  private readonly peer: SocketPeer;
  private readonly subscriptions = new Map<number, StreamSubscription>();
  private inFlightBytes = 0;
  private answers: Uint8Array[] = [];
  private gone = false;

  constructor(terms: GatewayTerms, gather: AppendGather, remote: string, peer: SocketPeer) {
    this.terms = terms;
    this.gather = gather;
    this.remote = remote;
    this.peer = peer;
    this.send({ t: 'hello', version: 1, frameBytesMax: FRAME_BYTES_MAX, inFlightBytesMax: IN_FLIGHT_BYTES_MAX });
  }

  onFrame(bytes: Uint8Array): void {
    let frame: Frame;
    try {
      frame = unpacked(bytes) as Frame;
      if (typeof frame !== 'object' || frame === null) throw new SyntaxError('a frame is a map');
    } catch (error) {
      this.cutOff(SocketClose.POLICY, `no frame: ${(error as Error).message}`);
      return;
    }
    const id = Number.isSafeInteger(frame['id']) ? (frame['id'] as number) : -1;
    try {
      if (id < 0) throw new HttpRefusal(400, 'every frame has an id, a whole number');
      this.take(frame, id, bytes.length);
    } catch (error) {
      this.refuse(id, error);
    }
  }

  onClose(): void {
    this.gone = true;
    for (const subscription of this.subscriptions.values()) subscription.end();
    this.subscriptions.clear();
  }

  private take(frame: Frame, id: number, bytes: number): void {
    switch (frame['t']) {
      case 'produce':
        return this.produce(frame, id, bytes);
      case 'subscribe':
        return this.subscribe(frame, id);
      case 'credit':
        // Of a subscription that has ended meanwhile it is nothing wrong.
        return this.subscriptions.get(id)?.addCredit(creditOf(frame['bytes']));
      case 'unsubscribe':
        this.subscriptions.get(id)?.end();
        this.subscriptions.delete(id);
        return;
      case 'topic': {
        const { name, partitions } = topicNamed(this.terms.log(), textOf(frame['topic'], 'topic'));
        this.send({ t: 'topic', id, topic: name, partitions: partitions.length });
        return;
      }
      default:
        throw new HttpRefusal(
          400,
          `there are no frames '${String(frame['t']).slice(0, NAME_CHARS_MAX)}': produce, subscribe, credit, unsubscribe, topic`,
        );
    }
  }

  private produce(frame: Frame, id: number, bytes: number): void {
    const log = this.terms.log();
    const topic = topicNamed(log, textOf(frame['topic'], 'topic'));
    if (topic.internal) throw new HttpRefusal(403, `'${topic.name}' is the broker's own: it alone writes there`);
    const { records: given, session, seq } = frame;
    if (!Array.isArray(given) || given.length === 0) throw new HttpRefusal(400, "'records' is a list of at least one");
    const partition = frame['partition'] === undefined ? null : partitionNumber(topic, String(frame['partition']));
    const acks = ACKS[String(frame['acks'] ?? 'all')];
    if (acks === undefined) throw new HttpRefusal(400, "'acks' is all, 1 or 0");
    const records = given.map((one, i) => recordOf(one, i, { ...DEFAULTS, partition }));
    if (session !== undefined) checkSession(session, seq, partition, records);
    const identity = session === undefined ? null : sessionIdentity(session as string, seq as number);
    this.inFlightBytes += bytes;
    if (this.inFlightBytes > IN_FLIGHT_BYTES_MAX) {
      this.cutOff(SocketClose.POLICY, `more than ${IN_FLIGHT_BYTES_MAX} bytes without their acks`);
      return;
    }
    const { gather } = this;
    const appends = new RecordAppends({ log, topic, acks, identity, seed: null, gather, oneBatch: identity !== null });
    appends.append(records, () => {
      this.inFlightBytes -= bytes;
      const { fault, ranges } = appends;
      if (fault !== null) this.answerLater(faultFrame(id, fault, ranges));
      else if (acks !== Acks.NONE)
        this.answerLater({ t: 'ack', id, offset: ranges[0]!.offset, ranges, durability: durabilityOf(acks, this.terms) });
    });
  }

  private subscribe(frame: Frame, id: number): void {
    if (this.subscriptions.has(id)) throw new HttpRefusal(400, `subscription ${id} is there already: choose another id`);
    if (this.subscriptions.size === SUBSCRIPTIONS_MAX)
      throw new HttpRefusal(429, `a connection has at most ${SUBSCRIPTIONS_MAX} subscriptions`);
    const log = this.terms.log();
    const topic = topicNamed(log, textOf(frame['topic'], 'topic'));
    const partition = partitionNumber(topic, String(frame['partition'] ?? 0));
    const offset = String(frame['offset'] ?? 'latest');
    const subscription = new StreamSubscription({
      id,
      log,
      topic,
      partition,
      send: (one) => this.send(one),
      peer: this.peer,
      cutOff: (reason) => this.cutOff(SocketClose.POLICY, reason),
    });
    this.subscriptions.set(id, subscription);
    subscription.addCredit(creditOf(frame['credit'] ?? 0));
    void subscription.run(offset).catch((error: unknown) => {
      if (this.subscriptions.get(id) === subscription) this.subscriptions.delete(id);
      if (!subscription.ended) this.refuse(id, error);
    });
  }

  private send(frame: Frame): number {
    if (this.gone) return 0;
    const bytes = packed(frame);
    this.peer.send([bytes]);
    this.checkTaken();
    return bytes.length;
  }

  /** With the other answers of this moment: a batch has many. */
  private answerLater(frame: Frame): void {
    if (this.gone) return;
    if (this.answers.length === 0) queueMicrotask(() => this.sendAnswers());
    this.answers.push(packed(frame));
  }

  private sendAnswers(): void {
    const { answers } = this;
    this.answers = [];
    if (this.gone) return;
    this.peer.send(answers);
    this.checkTaken();
  }

  private checkTaken(): void {
    if (this.peer.bufferedBytes > UNTAKEN_BYTES_MAX) this.cutOff(SocketClose.POLICY, `more than ${UNTAKEN_BYTES_MAX} bytes were not taken`);
  }

  private refuse(id: number, error: unknown): void {
    if (error instanceof HttpRefusal) {
      this.send(faultFrame(id, { status: error.answer.status, code: 'INVALID_REQUEST', error: error.message }));
    } else this.send(faultFrame(id, STOPPING));
  }

  private cutOff(code: number, reason: string): void {
    this.terms.turnedAway(this.remote, `${code} ${reason}`);
    this.peer.close(code, reason.slice(0, 120));
    this.onClose();
  }
}

/** `again`: the same may be taken a moment later. */
function faultFrame(id: number, fault: GatewayFault, stored: readonly StoredRange[] = []): Frame {
  return { t: 'error', id, ...fault, again: fault.status === 503 || fault.status === 429, stored };
}

function recordOf(given: unknown, index: number, defaults: RecordDefaults): ReturnType<typeof readRecord> {
  try {
    return readRecord(given, defaults);
  } catch (error) {
    throw error instanceof BadRecord ? new HttpRefusal(400, `records[${index}]: ${error.message}`) : error;
  }
}

/** Numbers count in one partition: a frame that goes to several has none. */
function checkSession(
  session: unknown,
  seq: unknown,
  partition: number | null,
  records: readonly { readonly partition: number | null }[],
): void {
  if (typeof session !== 'string' || session === '' || session.length > IDEMPOTENCY_KEY_BYTES_MAX) {
    throw new HttpRefusal(400, `'session' is a text of at most ${IDEMPOTENCY_KEY_BYTES_MAX}`);
  }
  if (!Number.isSafeInteger(seq) || (seq as number) < 0)
    throw new HttpRefusal(400, "'seq' is the number of the frame's first record, from 0");
  if (partition === null || records.some((record) => record.partition !== partition)) {
    throw new HttpRefusal(400, "with a session the frame names its 'partition', and its records no other");
  }
}

function textOf(given: unknown, name: string): string {
  if (typeof given !== 'string') throw new HttpRefusal(400, `'${name}' is a text`);
  return given;
}

function creditOf(given: unknown): number {
  if (!Number.isSafeInteger(given) || (given as number) < 0) throw new HttpRefusal(400, 'credit is a number of bytes');
  return given as number;
}
