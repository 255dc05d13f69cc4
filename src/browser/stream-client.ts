// The gateway's WebSocket for a page: send() and tail(), over reconnects and restarts of the broker without loss or repeat.
// Owner: the page's thread; under 3 kB minified, without any import but msgpack.ts. docs/gateway.md has the frames.
//
// Records of a partition go as one session with numbers, at most five frames before their acks, because the log knows the
// last five: a frame that goes again after a reconnect is not stored twice. A tail goes on where its last frame ended.
// Closures, not classes: the names of members are not made shorter.

import { decode, encode, listOf, utf8 } from './msgpack.ts';

/** Of the page's WebSocket, what is used. */
interface Socket {
  binaryType: string;
  onmessage: ((event: { data: ArrayBuffer }) => void) | null;
  onclose: (() => void) | null;
  send(frame: Uint8Array): void;
  close(): void;
}
declare const WebSocket: new (url: string, protocols: string[]) => Socket;

export interface StreamRecord {
  readonly key?: string | Uint8Array | null;
  /** What is no text, bytes or null is stored as JSON. */
  readonly value: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TailedRecord {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  /** Bytes where it is no text. */
  readonly key: string | Uint8Array | null;
  readonly value: string | Uint8Array | null;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Sent {
  readonly partition: number;
  readonly offset: number;
}

export interface TailOptions {
  /** All when absent. */
  readonly partitions?: readonly number[];
  /** 'latest' when absent, 'earliest', '@milliseconds', or a number. */
  readonly offset?: string | number;
}

export interface StreamClient {
  /** Resolves when the record is stored. Records of one key, and those without, keep their order. */
  send(topic: string, record: StreamRecord): Promise<Sent>;
  /**
   * Resolves to what ends it. `take` gets records of one partition; more of it come when its promise resolves. It gets none
   * when a partition begins and where some were deleted, and none and an error when it ends.
   */
  tail(topic: string, take: (records: readonly TailedRecord[], error?: string) => unknown, options?: TailOptions): Promise<() => void>;
  close(): void;
}

const { imul, random } = Math;

const IN_FLIGHT_MAX = 5;
/** With FRAME_RECORDS_MAX of them a frame is below what the gateway takes. */
const RECORD_BYTES_MAX = 60_000;
const FRAME_RECORDS_MAX = 15;
const CREDIT_BYTES = 300_000;
const PAUSE_MS = 500;

/** randomUUID() is for pages of https alone. */
const newSession = (): string => random() + '' + random();

/** @param url of the gateway, as `ws://localhost:8080`; `token` where it has one */
export function connect(url: string, { token }: { readonly token?: string } = {}): StreamClient {
  let socket: Socket;
  let up = false;
  let closed = false;
  let ids = 0;
  /** What has no last answer yet, in the order it was asked: all of it goes again on a new connection. */
  const open = new Map<number, [frame: any, answer: (frame: any, bytes: number) => void]>();
  /** Of partition i at i. */
  const topics = new Map<string, Promise<((record: StreamRecord) => Promise<Sent>)[]>>();
  const pumps: (() => void)[] = [];
  /** Records without a key have this. */
  const seed = newSession();

  const protocols = ['ringlog.v1'];
  // escape() takes what the other leaves and the name of a protocol may not have: brackets.
  if (token) protocols.push(`token.${escape(encodeURIComponent(token))}`);

  const transmit = (frame: object): void => {
    if (up) socket.send(encode(frame));
  };
  const ask = (frame: any, answer: (frame: any, bytes: number) => void): number => {
    open.set((frame.id = ++ids), [frame, answer]);
    transmit(frame);
    return ids;
  };
  /** Of what has one answer. */
  const call = (frame: object): Promise<any> =>
    new Promise((resolve, reject) =>
      ask(frame, (answer) => {
        open.delete(answer.id);
        if (answer.error) reject(Error(answer.error));
        else resolve(answer);
      }),
    );

  /** Of one partition, in order. */
  const newLane = (topic: string, partition: number) => {
    let session = newSession();
    let seq = 0;
    let flying = 0;
    const queue: [record: StreamRecord, resolve: (sent: Sent) => void, reject: (reason: Error) => void][] = [];
    const pump = (): void => {
      while (up && queue.length && flying < IN_FLIGHT_MAX) {
        const own = session;
        const items = queue.splice(0, FRAME_RECORDS_MAX);
        flying++;
        const frame = { t: 'produce', topic, partition, session, seq, records: items.map(([record]) => record) };
        seq += items.length;
        void call(frame)
          .then(
            ({ offset }) => items.forEach(([, resolve], i) => resolve({ partition, offset: offset + i })),
            (error) => {
              // The log waits for the number of what was refused: what follows is another session.
              if (own === session) {
                session = newSession();
                seq = 0;
              }
              items.forEach(([, , reject]) => reject(error));
            },
          )
          .then(() => {
            flying--;
            pump();
          });
      }
    };
    pumps.push(pump);
    return (record: StreamRecord): Promise<Sent> =>
      new Promise((resolve, reject) => {
        if (encode(record).length > RECORD_BYTES_MAX) reject(Error('too large'));
        // What is sent in one turn goes together.
        else if (queue.push([record, resolve, reject]) < 2) queueMicrotask(pump);
      });
  };

  const lanesOf = (topic: string) => {
    let lanes = topics.get(topic);
    if (!lanes) {
      lanes = call({ t: 'topic', topic }).then(({ partitions }) => listOf(partitions, (_, i) => newLane(topic, i)));
      lanes.catch(() => topics.delete(topic));
      topics.set(topic, lanes);
    }
    return lanes;
  };

  const dial = (): void => {
    socket = new WebSocket(`${url}/v1/stream`, protocols);
    socket.binaryType = 'arraybuffer';
    socket.onmessage = ({ data }) => {
      const frame = decode(data);
      if (frame.version) {
        up = true;
        open.forEach(([asked]) => transmit(asked));
        pumps.forEach((pump) => pump());
        // What passes is tried again, all of it in order, on a new connection.
      } else if (frame.again) socket.close();
      else open.get(frame.id)?.[1](frame, data.byteLength);
    };
    socket.onclose = () => {
      up = false;
      if (!closed) setTimeout(dial, PAUSE_MS + PAUSE_MS * random());
    };
  };
  dial();

  return {
    async send(topic, record) {
      const lanes = await lanesOf(topic);
      const key = record.key ?? seed;
      return lanes[(murmur2(typeof key === 'string' ? utf8(key) : key) & 0x7fff_ffff) % lanes.length]!(record);
    },
    async tail(topic, take, { partitions, offset } = {}) {
      const asked = partitions ?? [...(await lanesOf(topic)).keys()];
      const subscriptions = asked.map((partition) => {
        const frame = { t: 'subscribe', topic, partition, offset, credit: CREDIT_BYTES };
        return ask(frame, async ({ id, next, records = [], error }, bytes) => {
          if (error) open.delete(id);
          else frame.offset = next;
          await take(
            records.map((record: object) => ({ partition, ...record })),
            error,
          );
          transmit({ t: 'credit', id, bytes });
        });
      });
      return () =>
        subscriptions.forEach((id) => {
          open.delete(id);
          transmit({ t: 'unsubscribe', id });
        });
    },
    close() {
      closed = true;
      socket.close();
    },
  };
}

/** As Kafka's clients choose a partition. What lies behind the end counts as 0. */
function murmur2(bytes: Uint8Array): number {
  const { length } = bytes;
  const m = 0x5bd1e995;
  let hash = 0x9747b28c ^ length;
  for (let i = 0; i < length; i += 4) {
    const k = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    const mixed = imul(k, m);
    hash = i + 4 > length ? imul(hash ^ k, m) : imul(hash, m) ^ imul(mixed ^ (mixed >>> 24), m);
  }
  hash = imul(hash ^ (hash >>> 13), m);
  return hash ^ (hash >>> 15);
}
