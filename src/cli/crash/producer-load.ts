// A producer that never gives up: it writes numbered records and keeps a ledger of what was acked; whatever was not acked
// when the broker died is sent again, byte for byte, with the same sequence numbers. Owner: the thread that produces.
//
// acks=0 is the exception: nothing is heard back, so nothing is sent twice.

import { ErrorCode } from '../../engine/base/error-code.ts';
import { buildBatch } from '../../engine/record/batch-builder.ts';
import { type KafkaConnection, KafkaConnectionError } from '../../net/kafka/client/kafka-connection.ts';
import { initProducerIdApi } from '../../net/kafka/schema/generated/init-producer-id.ts';
import { produceApi } from '../../net/kafka/schema/generated/produce.ts';
import { isRetriable, openBroker, openLeader, pause, RETRY_MS } from './leader-connection.ts';
import { Ledger, type SentRecord, valueOf } from './ledger.ts';

/** The last version that names topics rather than giving their ids. */
const PRODUCE_VERSION_MAX = 12;
const TIMEOUT_MS = 30_000;
const RECORDS_MAX = 20;
/** With acks=0 nothing pushes back but the socket: enough records, not as many as the machine can. */
const UNHEARD_PAUSE_MS = 4;

export type Acks = -1 | 0 | 1;

interface Batch {
  readonly records: readonly SentRecord[];
  readonly bytes: Uint8Array;
  readonly sequence: number;
}

interface Queue {
  sequence: number;
  /** Sent or to be sent, not acked; in order. */
  batches: Batch[];
}

export interface ProducerLoadOptions {
  readonly port: number;
  readonly topic: string;
  readonly partitions: number;
  readonly acks: Acks;
  readonly inFlight: number;
  readonly random: () => number;
}

export class ProducerLoad {
  readonly name: string;
  readonly ledger: Ledger;
  readonly acks: Acks;
  /** Rejects when an answer came that must not; resolves after stop(). */
  done: Promise<unknown> = Promise.resolve();
  private readonly options: ProducerLoadOptions;
  private queues: Queue[] = [];
  private producer: Promise<{ producerId: number; producerEpoch: number }> | null = null;
  private stopping = false;
  private holding = false;
  /** Acks of each partition since mark(). */
  progress: number[] = [];

  constructor(options: ProducerLoadOptions) {
    this.options = options;
    this.acks = options.acks;
    this.name = `${options.topic} (acks=${options.acks === -1 ? 'all' : options.acks}, ${options.inFlight} in flight)`;
    this.ledger = new Ledger(options.topic, options.partitions);
    this.queues = this.emptyQueues();
    this.mark();
  }

  /** Forget who was acked since; `isThrough` then says whether every partition has been acked anew. */
  mark(): void {
    this.progress = this.queues.map(() => 0);
  }

  get isThrough(): boolean {
    return this.progress.every((count) => count > 0);
  }

  start(): void {
    this.done = Promise.all(this.queues.map((_, partition) => this.keepSending(partition)));
    this.done.catch(() => {});
  }

  /** No new records; resolves when all that were sent are acked. */
  stop(): Promise<unknown> {
    this.stopping = true;
    return this.done;
  }

  /** No new records until resume(). */
  hold(): void {
    this.holding = true;
  }

  resume(): void {
    this.holding = false;
  }

  /** Everything that was sent is acked. */
  get isIdle(): boolean {
    return this.queues.every(({ batches }) => batches.length === 0);
  }

  /** Gives up what is not acked. */
  abandon(): void {
    this.stopping = true;
    this.queues = this.emptyQueues();
  }

  /**
   * The broker is dead. Where its acks did not promise to outlive this, what is unacked is given up and a new producer
   * begins: the old sequence numbers may be ahead of what is left of the log.
   */
  afterCrash(kind: 'kill' | 'power'): void {
    if (this.acks === -1 || (this.acks === 1 && kind === 'kill')) return;
    this.ledger.period++;
    this.queues = this.emptyQueues();
    this.producer = null;
  }

  private emptyQueues(): Queue[] {
    return Array.from({ length: this.options.partitions }, () => ({ sequence: 0, batches: [] }));
  }

  private async keepSending(partition: number): Promise<void> {
    const { port, topic } = this.options;
    while (!this.stopping || this.queues[partition]!.batches.length > 0) {
      if (this.holding && this.queues[partition]!.batches.length === 0) {
        await pause(RETRY_MS);
        continue;
      }
      const connection = await openLeader(port, topic, partition).catch(() => null);
      try {
        if (connection !== null) await (this.acks === 0 ? this.shout(partition, connection) : this.pump(partition, connection));
      } catch (error) {
        if (!(error instanceof KafkaConnectionError)) throw error;
      } finally {
        connection?.close();
      }
      await pause(RETRY_MS);
    }
  }

  /** acks=0: sends until the connection is lost or the work is done. */
  private async shout(partition: number, connection: KafkaConnection): Promise<void> {
    const { period } = this.ledger;
    const version = Math.min(connection.versionOf(produceApi), PRODUCE_VERSION_MAX);
    while (!this.stopping && period === this.ledger.period) {
      const records = this.ledger.next(partition, this.size());
      await connection.send(produceApi, this.request(partition, this.encode(records)), version);
      this.progress[partition]!++;
      await pause(UNHEARD_PAUSE_MS);
    }
  }

  /** Sends on one connection until it is lost, an answer says to begin again, or the work is done. */
  private async pump(partition: number, connection: KafkaConnection): Promise<void> {
    const queue = this.queues[partition]!;
    this.producer ??= newProducer(this.options.port);
    const producer = await this.producer.catch((error: unknown) => {
      this.producer = null;
      throw error;
    });
    const version = Math.min(connection.versionOf(produceApi), PRODUCE_VERSION_MAX);
    // Everything that is not acked goes out again first, in order.
    const unsent = [...queue.batches];
    const flying = new Set<Promise<void>>();
    const flight: { trouble: Error | 'again' | null } = { trouble: null };
    while (flight.trouble === null && queue === this.queues[partition]) {
      while (flying.size < this.options.inFlight && flight.trouble === null) {
        const batch = unsent.shift() ?? (this.stopping || this.holding ? undefined : this.newBatch(partition, queue, producer));
        if (batch === undefined) break;
        const answer: Promise<void> = connection
          .call(produceApi, this.request(partition, batch.bytes), version)
          .then(
            ({ responses }) => (flight.trouble ??= this.answered(partition, queue, batch, responses[0]!.partitionResponses[0]!)),
            () => (flight.trouble ??= 'again'),
          )
          .then(() => void flying.delete(answer));
        flying.add(answer);
      }
      if (flying.size === 0) return;
      await Promise.race(flying);
    }
    connection.close();
    await Promise.all(flying);
    if (flight.trouble instanceof Error) throw flight.trouble;
  }

  private size(): number {
    return 1 + Math.floor(this.options.random() * RECORDS_MAX);
  }

  private encode(
    records: readonly SentRecord[],
    producer?: { producerId: number; producerEpoch: number; baseSequence: number },
  ): Uint8Array {
    const bytes = records.map(({ id }) => ({ key: Buffer.from(id), value: Buffer.from(valueOf(id)) }));
    return buildBatch(bytes, { timestampMs: Date.now(), ...producer });
  }

  private newBatch(partition: number, queue: Queue, producer: { producerId: number; producerEpoch: number }): Batch {
    const records = this.ledger.next(partition, this.size());
    const { sequence } = queue;
    queue.sequence += records.length;
    const batch = { records, bytes: this.encode(records, { ...producer, baseSequence: sequence }), sequence };
    queue.batches.push(batch);
    return batch;
  }

  private request(index: number, records: Uint8Array) {
    return { acks: this.acks, timeoutMs: TIMEOUT_MS, topicData: [{ name: this.options.topic, partitionData: [{ index, records }] }] };
  }

  /** @returns null when the batch is acked, otherwise why this connection cannot go on */
  private answered(
    partition: number,
    queue: Queue,
    batch: Batch,
    { errorCode, baseOffset }: { errorCode: number; baseOffset: number },
  ): Error | 'again' | null {
    const where = `${this.options.topic}-${partition}`;
    if (errorCode === ErrorCode.NONE || errorCode === ErrorCode.DUPLICATE_SEQUENCE_NUMBER) {
      // Answers come in the order of the requests.
      if (queue.batches[0] !== batch)
        return new Error(`${where}: sequence ${batch.sequence} was acked before ${queue.batches[0]?.sequence ?? 'anything was sent'}`);
      queue.batches.shift();
      this.ledger.ack(batch.records, errorCode === ErrorCode.NONE ? baseOffset : -1);
      this.progress[partition]!++;
      return null;
    }
    if (isRetriable(errorCode)) return 'again';
    if (errorCode === ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER && queue.batches[0] !== batch) return 'again';
    return new Error(`${where}: error ${errorCode} for sequence ${batch.sequence} (${batch.records.length} records)`);
  }
}

async function newProducer(port: number): Promise<{ producerId: number; producerEpoch: number }> {
  const connection = await openBroker(port);
  try {
    const request = { transactionalId: null, transactionTimeoutMs: 60_000 };
    const { errorCode, producerId, producerEpoch } = await connection.call(initProducerIdApi, request);
    if (errorCode !== ErrorCode.NONE) throw new KafkaConnectionError(`InitProducerId: error ${errorCode}`);
    return { producerId, producerEpoch };
  } finally {
    connection.close();
  }
}
