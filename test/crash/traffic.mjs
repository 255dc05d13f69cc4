// Clients of every promise on topics of their own, for the rigs that break the disk: producers of acks=all and acks=1, a
// group that commits, consumers that read along; at the end all of it is judged.

import { CommitLoad } from '../../dist/cli/crash/commit-load.js';
import { createTopic } from '../../dist/cli/crash/leader-connection.js';
import { valueOf } from '../../dist/cli/crash/ledger.js';
import { checkPartition } from '../../dist/cli/crash/partition-checker.js';
import { ProducerLoad } from '../../dist/cli/crash/producer-load.js';
import { TailReader } from '../../dist/cli/crash/tail-reader.js';
import { until } from '../interop/rig/processes.mjs';
import { assert } from '../interop/rig/suite.mjs';

export const PARTITIONS = 2;

export class Traffic {
  /** @param storage of the topics: a managed arena goes with the process, what acks=1 was told of and readers were shown too */
  constructor({ port, prefix, random, storage = 'page-cache' }) {
    this.port = port;
    this.readsAlong = storage !== 'managed';
    this.loads = (this.readsAlong ? [-1, 1] : [-1]).map(
      (acks) => new ProducerLoad({ port, topic: `${prefix}${acks}`, partitions: PARTITIONS, acks, inFlight: 3, random }),
    );
    this.readers = this.loads.map(({ ledger }) => new TailReader(port, ledger.topic, PARTITIONS));
    this.commits = new CommitLoad(port, this.loads[0].ledger.topic);
  }

  get acked() {
    return this.loads.reduce((sum, { ledger }) => sum + ledger.acked, 0);
  }

  async createTopics(configs) {
    for (const { ledger } of this.loads) await createTopic(this.port, ledger.topic, PARTITIONS, configs);
  }

  start() {
    if (this.readsAlong) for (const reader of this.readers) reader.start();
    for (const one of [...this.loads, this.commits]) one.start();
    this.broken = Promise.race([...this.loads, this.commits].map(({ done }) => done)).then(() => {
      throw new Error('the load ended by itself');
    });
    this.broken.catch(() => {});
  }

  until(what, test, timeoutMs = 120_000) {
    return Promise.race([this.broken, until(what, test, { timeoutMs, everyMs: 5 })]);
  }

  /** On a healthy broker: all that was sent gets acked, is read, and judged. */
  async finish() {
    await this.commits.check();
    await Promise.all([...this.loads, this.commits].map((load) => load.stop()));
    if (!this.readsAlong) for (const reader of this.readers) reader.start();
    for (const reader of this.readers) await reader.finish();
    this.judge();
  }

  judge() {
    const complaints = this.readers.flatMap((reader) => reader.complaints);
    this.loads.forEach(({ ledger }, i) => {
      for (let partition = 0; partition < PARTITIONS; partition++)
        complaints.push(...checkPartition(ledger.sent(partition), this.readers[i].read(partition), valueOf).complaints);
    });
    assert(complaints.length === 0, complaints.slice(0, 8).join('\n'));
  }

  abandon() {
    for (const one of [...this.loads, ...this.readers]) one.abandon();
    void this.commits.stop().catch(() => {});
  }
}
