// A producer over Ringlog's own small client: batches by partition, lingers, keeps some requests in flight to each leader.
// Owner: the load's thread. Hot.

import { errorName, ErrorCode } from '../../../../src/engine/base/error-code.ts';
import { buildBatch, type NewRecord } from '../../../../src/engine/record/batch-builder.ts';
import { KafkaConnection } from '../../../../src/net/kafka/client/kafka-connection.ts';
import { keyPartition } from '../../../../src/net/kafka/client/key-partition.ts';
import { produceApi } from '../../../../src/net/kafka/schema/generated/produce.ts';
import type { Clock } from '../../contracts/clock.ts';
import { type JsProducer, type OutgoingRecord, type RecordOutcome, STAMP_HEADER } from '../../contracts/js-client.ts';

/** The last version that names topics rather than giving their ids. */
const PRODUCE_VERSION_MAX = 12;
/** About what a record costs beside its value. */
const RECORD_OVERHEAD_BYTES = 20;
const NO_ADDRESS = 'a partition without a leader';

export interface Leader {
  readonly partition: number;
  readonly host: string;
  readonly port: number;
}

interface Batch {
  readonly partition: number;
  readonly node: Node;
  readonly records: NewRecord[];
  readonly dones: ((outcome: RecordOutcome) => void)[];
  bytes: number;
  /** Sent at this time at the latest. */
  closesNs: number;
}

interface Node {
  readonly connection: KafkaConnection;
  inFlight: number;
  readonly ready: Batch[];
}

export interface WireProducerOptions {
  readonly topic: string;
  readonly leaders: readonly Leader[];
  readonly settings: Readonly<Record<string, string>>;
  readonly messageBytes: number;
  readonly clock: Clock;
  readonly failed: (error: Error) => void;
}

export class WireProducer implements JsProducer {
  batches = 0;
  private readonly options: WireProducerOptions;
  private readonly nodes = new Map<string, Node>();
  private readonly open: (Batch | null)[];
  private readonly acks: number;
  private readonly lingerNs: number;
  private readonly batchBytes: number;
  private readonly inFlightMax: number;
  private readonly timeoutMs: number;
  private memoryLeft: number;
  private sticky = 0;
  private timer: NodeJS.Timeout | null = null;
  private flushing = false;
  private closed = false;

  private constructor(options: WireProducerOptions) {
    const { settings } = options;
    this.options = options;
    this.open = options.leaders.map(() => null);
    this.acks = settings.acks === 'all' ? -1 : Number(settings.acks);
    this.lingerNs = Number(settings['linger.ms']) * 1e6;
    this.batchBytes = Number(settings['batch.size']);
    this.inFlightMax = Math.max(1, Number(settings['max.in.flight.requests.per.connection']));
    this.timeoutMs = Number(settings['request.timeout.ms']);
    this.memoryLeft = Number(settings['buffer.memory']);
  }

  static async connect(options: WireProducerOptions): Promise<WireProducer> {
    const producer = new WireProducer(options);
    for (const { host, port } of options.leaders) {
      const address = `${host}:${port}`;
      if (!producer.nodes.has(address))
        producer.nodes.set(address, { connection: await KafkaConnection.open(host, port), inFlight: 0, ready: [] });
    }
    return producer;
  }

  get room(): number {
    return this.closed ? 0 : Math.floor(this.memoryLeft / (this.options.messageBytes + RECORD_OVERHEAD_BYTES));
  }

  /** Keys by murmur2 as everywhere; records without one stay on a partition until its batch is full or sent. */
  partitionFor(key: Uint8Array | null): number {
    return key === null ? this.sticky : keyPartition(key, this.open.length);
  }

  send({ key, value, stamp }: OutgoingRecord, partition: number, done: (outcome: RecordOutcome) => void): void {
    const bytes = value.length + RECORD_OVERHEAD_BYTES;
    let batch = this.open[partition] ?? null;
    if (batch !== null && batch.bytes + bytes > this.batchBytes) {
      this.ready(batch);
      batch = null;
    }
    batch ??= this.begin(partition);
    batch.records.push(stamp === null ? { key, value } : { key, value, headers: [{ key: STAMP_HEADER, value: stamp }] });
    batch.dones.push(done);
    batch.bytes += bytes;
    this.memoryLeft -= bytes;
    if (batch.bytes >= this.batchBytes) this.ready(batch);
    this.wake();
  }

  async close(): Promise<void> {
    this.closed = true;
    if (this.timer !== null) clearTimeout(this.timer);
    for (const { connection } of this.nodes.values()) connection.close();
    return Promise.resolve();
  }

  private begin(partition: number): Batch {
    const { host, port } = this.options.leaders[partition]!;
    const node = this.nodes.get(`${host}:${port}`);
    if (node === undefined) throw new Error(NO_ADDRESS);
    const batch = { partition, node, records: [], dones: [], bytes: 0, closesNs: this.options.clock.nowNs() + this.lingerNs };
    this.open[partition] = batch;
    return batch;
  }

  private ready(batch: Batch): void {
    this.open[batch.partition] = null;
    batch.node.ready.push(batch);
    if (batch.partition === this.sticky) this.sticky = (this.sticky + 1) % this.open.length;
  }

  /** After this turn, so that records of one turn share a batch even without linger. */
  private wake(): void {
    if (this.flushing) return;
    this.flushing = true;
    setImmediate(() => {
      this.flushing = false;
      this.flush();
    });
  }

  private flush(): void {
    if (this.closed) return;
    const now = this.options.clock.nowNs();
    let nextNs = Infinity;
    for (const batch of this.open) {
      if (batch === null) continue;
      if (batch.closesNs > now) nextNs = Math.min(nextNs, batch.closesNs);
      // With no room in flight it may still grow: as Kafka's producer, it is closed when it can go.
      else if (batch.node.inFlight < this.inFlightMax && batch.node.ready.length === 0) this.ready(batch);
    }
    for (const node of this.nodes.values()) while (node.ready.length > 0 && node.inFlight < this.inFlightMax) this.request(node);
    if (nextNs === Infinity || this.timer !== null) return;
    this.timer = setTimeout(
      () => {
        this.timer = null;
        this.flush();
      },
      Math.max(1, (nextNs - now) / 1e6),
    );
  }

  /** One batch of each partition that has one ready. */
  private request(node: Node): void {
    const taken: Batch[] = [];
    for (let i = 0; i < node.ready.length;) {
      if (taken.some(({ partition }) => partition === node.ready[i]!.partition)) i++;
      else taken.push(...node.ready.splice(i, 1));
    }
    const timestampMs = Date.now();
    const partitionData = taken.map(({ partition, records }) => ({ index: partition, records: buildBatch(records, { timestampMs }) }));
    const body = { acks: this.acks, timeoutMs: this.timeoutMs, topicData: [{ name: this.options.topic, partitionData }] };
    const version = Math.min(node.connection.versionOf(produceApi), PRODUCE_VERSION_MAX);
    const writtenNs = this.options.clock.nowNs();
    node.inFlight++;
    if (this.acks === 0) {
      node.connection.send(produceApi, body, version).then(
        () => this.answered(node, taken, writtenNs, () => null),
        (error: unknown) => this.lost(node, taken, error as Error),
      );
      return;
    }
    node.connection.call(produceApi, body, version).then(
      ({ responses }) => {
        const codes = new Map(responses[0]!.partitionResponses.map(({ index, errorCode }) => [index, errorCode]));
        this.answered(node, taken, writtenNs, (partition) => {
          const code = codes.get(partition) ?? ErrorCode.UNKNOWN_SERVER_ERROR;
          return code === ErrorCode.NONE ? null : new Error(errorName(code));
        });
      },
      (error: unknown) => this.lost(node, taken, error as Error),
    );
  }

  private lost(node: Node, batches: readonly Batch[], error: Error): void {
    this.answered(node, batches, null, () => error);
    if (!this.closed) this.options.failed(error);
  }

  private answered(node: Node, batches: readonly Batch[], writtenNs: number | null, errorOf: (partition: number) => Error | null): void {
    node.inFlight--;
    for (const { partition, dones, bytes } of batches) {
      this.memoryLeft += bytes;
      const outcome = { error: errorOf(partition), writtenNs };
      if (outcome.error === null) this.batches++;
      for (const done of dones) done(outcome);
    }
    this.flush();
  }
}
