// A Kafka wire client of a few calls, written for the crash rig and sharing nothing with the broker's own codecs: one
// connection, requests in flight by correlation id, plain (non-flexible) versions only.

import { connect } from 'node:net';

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  return c >>> 0;
});

function crc32c(bytes) {
  let c = 0xffffffff;
  for (const byte of bytes) c = crcTable[(c ^ byte) & 0xff] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

export const int8 = (n) => Buffer.from([n & 0xff]);
export const int16 = (n) => Buffer.from([(n >> 8) & 0xff, n & 0xff]);
export function int32(n) {
  const b = Buffer.alloc(4);
  b.writeInt32BE(n);
  return b;
}
export function int64(n) {
  const b = Buffer.alloc(8);
  b.writeBigInt64BE(BigInt(n));
  return b;
}
export const string = (text) => (text === null ? int16(-1) : Buffer.concat([int16(Buffer.byteLength(text)), Buffer.from(text)]));
export const array = (items) => Buffer.concat([int32(items.length), ...items]);

function varint(n) {
  const out = [];
  let v = ((n << 1) ^ (n >> 31)) >>> 0;
  while (v > 0x7f) {
    out.push((v & 0x7f) | 0x80);
    v >>>= 7;
  }
  out.push(v);
  return Buffer.from(out);
}

/** One uncompressed record batch of `{ key, value }` texts. */
export function recordBatch(records, { producerId, epoch, sequence }) {
  const now = Date.now();
  const parts = records.flatMap(({ key, value }, i) => {
    const [k, v] = [Buffer.from(key), Buffer.from(value)];
    const body = Buffer.concat([int8(0), varint(0), varint(i), varint(k.length), k, varint(v.length), v, varint(0)]);
    return [varint(body.length), body];
  });
  const covered = Buffer.concat([
    int16(0),
    int32(records.length - 1),
    int64(now),
    int64(now),
    int64(producerId),
    int16(epoch),
    int32(sequence),
    int32(records.length),
    ...parts,
  ]);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32c(covered));
  return Buffer.concat([int64(0), int32(4 + 1 + 4 + covered.length), int32(-1), int8(2), crc, covered]);
}

/** Reads an answer's fields in order. */
class Answer {
  at = 4; // after the correlation id

  constructor(bytes) {
    this.bytes = bytes;
  }

  int8() {
    return this.bytes.readInt8(this.at++);
  }

  int16() {
    this.at += 2;
    return this.bytes.readInt16BE(this.at - 2);
  }

  int32() {
    this.at += 4;
    return this.bytes.readInt32BE(this.at - 4);
  }

  int64() {
    this.at += 8;
    return this.bytes.readBigInt64BE(this.at - 8);
  }

  string() {
    const length = this.int16();
    if (length < 0) return null;
    this.at += length;
    return this.bytes.toString('utf8', this.at - length, this.at);
  }

  array(read) {
    return Array.from({ length: Math.max(0, this.int32()) }, () => read(this));
  }
}

/** One connection. A request's promise rejects when the connection is lost before its answer. */
export class WireConnection {
  #socket;
  #waiting = new Map();
  #correlation = 0;
  #pending = Buffer.alloc(0);
  lost = false;
  /** Called once, when the connection is lost for whatever reason. */
  onLost = () => {};

  static open(port, host = '127.0.0.1') {
    return new Promise((done, fail) => {
      const socket = connect({ port, host, noDelay: true });
      socket.once('error', fail);
      socket.once('connect', () => {
        socket.removeListener('error', fail);
        done(new WireConnection(socket));
      });
    });
  }

  constructor(socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('error', () => {});
    socket.on('close', () => this.close());
  }

  #receive(chunk) {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= 4 && this.#pending.length >= 4 + this.#pending.readInt32BE(0)) {
      const size = this.#pending.readInt32BE(0);
      const frame = this.#pending.subarray(4, 4 + size);
      this.#pending = this.#pending.subarray(4 + size);
      const id = frame.readInt32BE(0);
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      waiting?.done(new Answer(frame));
    }
  }

  request(key, version, body) {
    const id = ++this.#correlation;
    const payload = Buffer.concat([int16(key), int16(version), int32(id), string('crash-rig'), body]);
    return new Promise((done, fail) => {
      if (this.lost) return fail(new Error('the connection is lost'));
      this.#waiting.set(id, { done, fail });
      this.#socket.write(Buffer.concat([int32(payload.length), payload]));
    });
  }

  close() {
    if (this.lost) return;
    this.lost = true;
    this.#socket.destroy();
    for (const { fail } of this.#waiting.values()) fail(new Error('the connection is lost'));
    this.#waiting.clear();
    this.onLost();
  }

  /** Metadata v1: `{ brokers: Map(id → port), leaders: Map(partition → node) }`; a partition without a leader is left out. */
  async metadata(topic) {
    const answer = await this.request(3, 1, array([string(topic)]));
    const brokers = new Map(
      answer.array((a) => {
        const [id, , port] = [a.int32(), a.string(), a.int32()];
        a.string();
        return [id, port];
      }),
    );
    answer.int32();
    const leaders = new Map();
    answer.array((a) => {
      a.int16();
      a.string();
      a.int8();
      a.array((p) => {
        const [error, partition, leader] = [p.int16(), p.int32(), p.int32()];
        p.array((r) => r.int32());
        p.array((r) => r.int32());
        if (error === 0 && leader >= 0) leaders.set(partition, leader);
      });
    });
    return { brokers, leaders };
  }

  /** InitProducerId v0 without a transaction. */
  async initProducerId() {
    const answer = await this.request(22, 0, Buffer.concat([string(null), int32(60_000)]));
    answer.int32();
    return { error: answer.int16(), producerId: Number(answer.int64()), epoch: answer.int16() };
  }

  /** Produce v7 of one batch to one partition: `{ error, baseOffset }`. */
  async produce(topic, partition, acks, batch) {
    const records = Buffer.concat([int32(partition), int32(batch.length), batch]);
    const body = Buffer.concat([string(null), int16(acks), int32(30_000), array([Buffer.concat([string(topic), array([records])])])]);
    const answer = await this.request(0, 7, body);
    const [[result]] = answer.array((a) => {
      a.string();
      return a.array((p) => {
        const [, error, baseOffset] = [p.int32(), p.int16(), Number(p.int64())];
        p.int64();
        p.int64();
        return { error, baseOffset };
      });
    });
    return result;
  }

  /** FindCoordinator v0 of a group: `{ error, port }`. */
  async findCoordinator(group) {
    const answer = await this.request(10, 0, string(group));
    const error = answer.int16();
    answer.int32();
    answer.string();
    return { error, port: answer.int32() };
  }

  /** OffsetCommit v2 outside of any generation; the error code. */
  async commitOffset(group, topic, partition, offset) {
    const one = Buffer.concat([int32(partition), int64(offset), string('')]);
    const body = Buffer.concat([string(group), int32(-1), string(''), int64(-1), array([Buffer.concat([string(topic), array([one])])])]);
    const answer = await this.request(8, 2, body);
    return answer.array((a) => {
      a.string();
      return a.array((p) => {
        p.int32();
        return p.int16();
      });
    })[0][0];
  }

  /** OffsetFetch v1: `{ error, offset }`. */
  async fetchOffset(group, topic, partition) {
    const answer = await this.request(
      9,
      1,
      Buffer.concat([string(group), array([Buffer.concat([string(topic), array([int32(partition)])])])]),
    );
    return answer.array((a) => {
      a.string();
      return a.array((p) => {
        p.int32();
        const offset = Number(p.int64());
        p.string();
        return { error: p.int16(), offset };
      });
    })[0][0];
  }
}
