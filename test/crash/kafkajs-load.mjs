// The load of a client nobody here wrote: kafkajs as it comes, idempotent, one request in flight, its own retries.

import { Ledger, valueOf } from '../../dist/cli/crash/ledger.js';
import { openKafkajs } from '../interop/rig/kafkajs-client.mjs';

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
