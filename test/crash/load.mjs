// The load of the crash rig: producers that never give up. Each writes numbered records and keeps a ledger of what was
// acked; whatever was not acked when the broker died is sent again, byte for byte, with the same sequence numbers.

import { crc32 } from 'node:zlib';
import { openKafkajs } from '../interop/rig/kafkajs-client.mjs';
import { recordBatch, WireConnection } from './wire-client.mjs';

// LEADER_NOT_AVAILABLE, UNKNOWN_TOPIC, NOT_LEADER, TIMED_OUT, coordinator loading/unavailable/not here, NOT_ENOUGH_REPLICAS, STORAGE_ERROR
const retriable = new Set([3, 5, 6, 7, 14, 15, 16, 19, 20, 56]);
const OUT_OF_ORDER_SEQUENCE_NUMBER = 45;
const DUPLICATE_SEQUENCE_NUMBER = 46;
const SEQUENCE_NONE = -1;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Value of a record from its id alone: a checksum and up to 600 characters. */
export function valueOf(id) {
  const seed = crc32(id);
  const text = seed.toString(36).repeat(4 + (seed % 80));
  return `${id}|${crc32(text).toString(16)}|${text}`;
}

/** What was sent to the partitions of a topic, in order; what the checker judges by. */
export class Ledger {
  acked = 0;
  #partitions;

  constructor(topic, partitions) {
    this.topic = topic;
    this.#partitions = Array.from({ length: partitions }, () => []);
  }

  get count() {
    return this.#partitions.length;
  }

  sent(partition) {
    return this.#partitions[partition];
  }

  /** Makes up the next `count` records of a partition. */
  next(partition, count) {
    const sent = this.#partitions[partition];
    const added = Array.from({ length: count }, (_, i) => ({
      id: `${this.topic}/${partition}/${sent.length + i}`,
      acked: false,
      offset: -1,
    }));
    sent.push(...added);
    return added;
  }

  ack(records, baseOffset) {
    records.forEach((record, i) => {
      record.acked = true;
      record.offset = baseOffset < 0 ? -1 : baseOffset + i;
    });
    this.acked += records.length;
  }
}

/** Idempotent, `inFlight` batches a partition at once, over the wire client. */
export class WireLoad {
  #connections = new Map();
  #queues;
  #producer;
  #stopping = false;
  acksSinceMark = [];

  constructor({ port, topic, partitions, acks, inFlight, random }) {
    Object.assign(this, { port, topic, acks, inFlight, random });
    this.name = `${topic} (acks=${acks === -1 ? 'all' : acks}, ${inFlight} in flight)`;
    this.ledger = new Ledger(topic, partitions);
    this.#queues = Array.from({ length: partitions }, () => ({ sequence: 0, batches: [] }));
    this.mark();
  }

  /** Forget who was acked since; `isThrough` then says whether every partition has been acked anew. */
  mark() {
    this.acksSinceMark = this.#queues.map(() => 0);
  }

  get isThrough() {
    return this.acksSinceMark.every((count) => count > 0);
  }

  start() {
    this.done = Promise.all(this.#queues.map((_, partition) => this.#partition(partition)));
    this.done.catch(() => {});
  }

  /** No new records; resolves when all that were sent are acked. */
  stop() {
    this.#stopping = true;
    return this.done;
  }

  async #partition(partition) {
    const queue = this.#queues[partition];
    for (;;) {
      if (this.#stopping && queue.batches.length === 0) return;
      const connection = await this.#leader(partition).catch(() => undefined);
      if (connection === undefined) {
        await pause(20);
        continue;
      }
      await this.#pump(partition, queue, connection);
    }
  }

  /** Sends on one connection until it is lost or the work is done. */
  async #pump(partition, queue, connection) {
    // Everything that is not acked goes out again first, in order.
    const unsent = [...queue.batches];
    const flying = new Set();
    let trouble;
    while (!connection.lost && trouble === undefined) {
      while (flying.size < this.inFlight && trouble === undefined) {
        const batch = unsent.shift() ?? (this.#stopping ? undefined : this.#newBatch(partition, queue));
        if (batch === undefined) break;
        const flight = connection.produce(this.topic, partition, this.acks, batch.bytes).then(
          (answer) => (trouble ??= this.#answered(partition, queue, batch, answer)),
          () => (trouble ??= 'lost'),
        );
        flying.add(flight);
        void flight.finally(() => flying.delete(flight));
      }
      if (flying.size === 0) return;
      await Promise.race(flying);
    }
    if (trouble !== 'lost') connection.close();
    await Promise.all(flying);
    if (trouble instanceof Error) throw trouble;
  }

  #newBatch(partition, queue) {
    const records = this.ledger.next(partition, 1 + Math.floor(this.random() * 20));
    const { producerId, epoch } = this.#producer;
    const sequence = queue.sequence;
    queue.sequence += records.length;
    const bytes = recordBatch(
      records.map(({ id }) => ({ key: id, value: valueOf(id) })),
      { producerId, epoch, sequence },
    );
    const batch = { records, bytes, sequence };
    queue.batches.push(batch);
    return batch;
  }

  /** @returns nothing when the batch is acked, otherwise why this connection cannot go on */
  #answered(partition, queue, batch, { error, baseOffset }) {
    if (error === 0 || error === DUPLICATE_SEQUENCE_NUMBER) {
      // Answers come in the order of the requests.
      if (queue.batches[0] !== batch)
        return new Error(`${this.topic}/${partition}: sequence ${batch.sequence} was acked before ${queue.batches[0]?.sequence}`);
      queue.batches.shift();
      this.ledger.ack(batch.records, error === 0 ? baseOffset : SEQUENCE_NONE);
      this.acksSinceMark[partition]++;
      return undefined;
    }
    if (retriable.has(error)) return 'again';
    if (error === OUT_OF_ORDER_SEQUENCE_NUMBER && queue.batches[0] !== batch) return 'again';
    return new Error(`${this.topic}/${partition}: error ${error} for sequence ${batch.sequence} (${batch.records.length} records)`);
  }

  /** A connection to the leader of a partition. One each partition: they fail and resend alone. */
  async #leader(partition) {
    const open = this.#connections.get(partition);
    if (open && !open.lost) return open;
    const bootstrap = await WireConnection.open(this.port);
    try {
      const { brokers, leaders } = await bootstrap.metadata(this.topic);
      if (this.#producer === undefined) {
        const given = await bootstrap.initProducerId();
        if (given.error !== 0) throw new Error(`InitProducerId: error ${given.error}`);
        // Another partition may have asked at the same time.
        this.#producer ??= given;
      }
      const port = brokers.get(leaders.get(partition));
      if (port === undefined) throw new Error('no leader');
      const connection = await WireConnection.open(port);
      this.#connections.set(partition, connection);
      return connection;
    } finally {
      bootstrap.close();
    }
  }
}

/** kafkajs as it comes: idempotent, one request in flight, its own retries. */
export class KafkajsLoad {
  #stopping = false;
  acksSinceMark = [];

  constructor({ broker, defer, topic, partitions, random }) {
    Object.assign(this, { broker, defer, topic, random });
    this.name = `${topic} (kafkajs, acks=all)`;
    this.ledger = new Ledger(topic, partitions);
    this.mark();
  }

  mark() {
    this.acksSinceMark = Array.from({ length: this.ledger.count }, () => 0);
  }

  get isThrough() {
    return this.acksSinceMark.every((count) => count > 0);
  }

  start() {
    this.done = Promise.all(this.acksSinceMark.map((_, partition) => this.#partition(partition)));
    this.done.catch(() => {});
  }

  stop() {
    this.#stopping = true;
    return this.done;
  }

  // A producer for each partition: kafkajs counts sequences before it knows which send() goes out first.
  async #partition(partition) {
    const producer = await openKafkajs(this, { initialRetryTime: 20, maxRetryTime: 100, retries: 1000 }).producer({
      idempotent: true,
      maxInFlightRequests: 1,
    });
    while (!this.#stopping) {
      const records = this.ledger.next(partition, 1 + Math.floor(this.random() * 20));
      const messages = records.map(({ id }) => ({ key: id, value: valueOf(id), partition }));
      const [{ errorCode, baseOffset }] = await producer.send({ topic: this.topic, messages });
      if (errorCode !== 0) throw new Error(`${this.topic}/${partition}: error ${errorCode}`);
      this.ledger.ack(records, Number(baseOffset));
      this.acksSinceMark[partition]++;
    }
    await producer.disconnect();
  }
}

/** Commits offsets 1, 2, 3 … of one group, one at a time. */
export class CommitLoad {
  group = 'crash-group';
  sent = 0;
  acked = 0;
  #stopping = false;

  constructor({ port, topic }) {
    Object.assign(this, { port, topic });
  }

  start() {
    this.done = this.#run();
    this.done.catch(() => {});
  }

  stop() {
    this.#stopping = true;
    return this.done;
  }

  async #run() {
    while (!this.#stopping) {
      const connection = await this.#coordinator().catch(() => undefined);
      while (connection && !connection.lost && !this.#stopping) {
        this.sent++;
        const error = await connection.commitOffset(this.group, this.topic, 0, this.sent).catch(() => 'lost');
        if (error === 0) this.acked = this.sent;
        else if (error !== 'lost' && !retriable.has(error)) throw new Error(`OffsetCommit: error ${error}`);
        else connection.close();
      }
      connection?.close();
      await pause(20);
    }
  }

  async #coordinator() {
    const bootstrap = await WireConnection.open(this.port);
    const { error, port } = await bootstrap.findCoordinator(this.group).finally(() => bootstrap.close());
    if (error !== 0) throw new Error(`FindCoordinator: error ${error}`);
    return WireConnection.open(port);
  }

  /**
   * @param beforeKill what was acked when the broker was killed
   * @throws when the broker has not the last acked commit, or one that was never sent
   */
  async check(beforeKill = this.acked) {
    let connection;
    for (const deadline = Date.now() + 20_000; Date.now() < deadline; await pause(20)) {
      connection = await this.#coordinator().catch(() => undefined);
      if (!connection) continue;
      // The load goes on: what is acked while the question is on its way may be in the answer or not.
      const least = this.acked;
      const { error, offset } = await connection.fetchOffset(this.group, this.topic, 0).catch(() => ({ error: 15 }));
      connection.close();
      if (retriable.has(error)) continue;
      if (error !== 0) throw new Error(`OffsetFetch: error ${error}`);
      const state = `committed offset ${offset}; ${beforeKill} was acked before the kill, ${least} before the question, ${this.sent} was sent`;
      if (Math.max(offset, 0) < beforeKill) throw new Error(`a commit is lost: ${state}`);
      if (Math.max(offset, 0) < least) throw new Error(`a commit that was acked is not yet seen: ${state}`);
      if (offset > this.sent) throw new Error(`nobody committed that: ${state}`);
      return offset;
    }
    throw new Error('no coordinator answered within 20 s');
  }
}
