// Produce (API key 0), versions 3 to 13. Owner: the shard's thread. Hot: from the native walker's descriptors to staged
// appends, and from outcomes to bytes, without an allocation a request.

import { ErrorCode, errorName } from '../../../engine/base/error-code.ts';
import { ReusedList } from '../../../engine/base/reused-list.ts';
import { uuidFromBytes } from '../../../engine/base/uuid.ts';
import { errorOfAttributes, errorOfBatchStatus, produceEntry } from '../../../engine/broker/produce.ts';
import { ProduceOperation } from '../../../engine/broker/produce-operation.ts';
import type { RemotePartitions } from '../../../engine/broker/remote-partitions.ts';
import type { ShardBroker } from '../../../engine/broker/shard-broker.ts';
import { BatchStatus, Ctl, Desc, DESC_WORDS, Frame } from '../../../engine/io/tick-layout.ts';
import type { TopicEntry } from '../../../engine/partition/topic-table.ts';
import { BATCH_HEADER_BYTES, BatchAttribute } from '../../../engine/record/batch-header.ts';
import { hasKeylessRecord } from '../../../engine/record/keyless-records.ts';
import { leadersNamed, produceResponseBytesMax, writeProduceResponse } from '../wire/produce-response.ts';
import type { Connection } from '../server/connection.ts';
import type { Outbox } from '../server/outbox.ts';
import { HeldEntries } from './held-entries.ts';
import { NO_TAGS, type NodeEndpoints } from './node-endpoints.ts';
import type { RequestTimes } from '../server/request-times.ts';

const DESC_F64 = DESC_WORDS / 2;
const API_PRODUCE = 0;
const NO_ACKS = 0;
const LEADER_ACK = 1;
const ACKS_ALL = -1;
const TOPIC_ID_SINCE = 13;
/** Bytes of a name nobody knows that a line of the log shows: as long as a topic's name can be. */
const TOPIC_NAME_SHOWN = 249;

/** A Produce in line on its connection. */
class PendingProduce extends ProduceOperation {
  connection: Connection | null = null;
  private readonly handler: ProduceHandler;

  constructor(handler: ProduceHandler) {
    super();
    this.handler = handler;
  }

  override answer(): void {
    this.handler.answer(this);
  }

  override recycle(): void {
    this.handler.recycle(this);
  }
}

export class ProduceHandler {
  private readonly broker: ShardBroker;
  private readonly outbox: Outbox;
  private readonly endpoints: NodeEndpoints;
  private readonly times: RequestTimes;
  private readonly refuse: (connection: Connection, reason: string) => void;
  private readonly held: HeldEntries;
  private readonly idle = new ReusedList<PendingProduce>();

  /** `refuse` closes a connection and says why. */
  constructor(
    broker: ShardBroker,
    outbox: Outbox,
    endpoints: NodeEndpoints,
    times: RequestTimes,
    refuse: (connection: Connection, reason: string) => void,
  ) {
    this.broker = broker;
    this.outbox = outbox;
    this.endpoints = endpoints;
    this.times = times;
    this.refuse = refuse;
    this.held = new HeldEntries(broker, outbox);
  }

  /** Take the frame whose completion slot starts at word `slot`. */
  onFrame(connection: Connection, slot: number): void {
    const cq = this.broker.ring.cq;
    const operation = this.idle.pop() ?? new PendingProduce(this);
    const acks = cq[slot + Frame.ACKS]!;
    operation.connection = connection;
    operation.correlationId = cq[slot + Frame.CORRELATION_ID]!;
    operation.apiVersion = cq[slot + Frame.API_VERSION]!;
    this.times.arrived(operation, API_PRODUCE);
    operation.begin(acks);
    connection.line.enter(operation);
    // One more entry than there are keeps an early refusal from settling the request before all entries are in.
    operation.undecided = 1;
    const acksValid = acks === LEADER_ACK || acks === ACKS_ALL || acks === NO_ACKS;
    const transactional = cq[slot + Frame.TXN_ID_LENGTH]! >= 0;
    const first = cq[slot + Frame.DESC_FIRST]!;
    const count = cq[slot + Frame.DESC_COUNT]!;
    for (let i = 0; i < count; i++) {
      const refusal = acksValid ? (transactional ? ErrorCode.INVALID_TXN_STATE : ErrorCode.NONE) : ErrorCode.INVALID_REQUIRED_ACKS;
      this.takeEntry(operation, first + i, refusal, cq[slot + Frame.BLOCK]!);
    }
    this.park(operation, cq[slot + Frame.TIMEOUT_MS]!);
  }

  private takeEntry(operation: PendingProduce, descriptor: number, refusal: number, block: number): void {
    const ring = this.broker.ring;
    const d = descriptor * DESC_WORDS;
    const desc = ring.desc;
    const topicLength = desc[d + Desc.TOPIC_LENGTH]!;
    const topicStart = desc[d + Desc.TOPIC_START] === 1;
    const topic = this.broker.topics.find(ring.arena, desc[d + Desc.TOPIC_OFFSET]!, topicLength, desc[d + Desc.TOPIC_HASH]!);
    const index = desc[d + Desc.PARTITION]!;
    const entry = operation.addEntry(topic, index, topicStart);
    if (topic === null) {
      const offset = desc[d + Desc.TOPIC_OFFSET]!;
      operation.unknownNames[entry] = ring.arena.slice(offset, offset + (topicLength < 0 ? 16 : topicLength));
      operation.decide(entry, topicLength < 0 ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
      return;
    }
    if (refusal !== ErrorCode.NONE) {
      operation.decide(entry, refusal);
      return;
    }
    const partition = topic.partitions[index];
    const remote = partition == null ? this.remoteOf(topic, index) : null;
    if (partition == null && remote === null) {
      const known = index >= 0 && index < topic.leaderNodeIds.length;
      operation.decide(entry, known ? this.broker.absenceOf(topic, index) : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
      return;
    }
    const status = desc[d + Desc.STATUS]!;
    if (status !== BatchStatus.OK) {
      operation.decide(entry, errorOfBatchStatus(status, desc[d + Desc.MAGIC]!));
      return;
    }
    // Offsets are given out here; a batch that brings its own was stored by somebody before.
    const numbered = ring.descF64[descriptor * DESC_F64 + Desc.BASE_OFFSET_F64] !== 0;
    const forbidden = numbered ? ErrorCode.INVALID_RECORD : errorOfAttributes(desc[d + Desc.ATTRIBUTES]!, operation.apiVersion);
    if (forbidden !== ErrorCode.NONE) {
      operation.decide(entry, forbidden);
      return;
    }
    if (topic.compacted && this.lacksKeys(d)) {
      operation.decide(entry, ErrorCode.INVALID_RECORD);
      return;
    }
    this.fillFacts(d, descriptor * DESC_F64);
    if (partition != null) {
      if (this.broker.appendLine.admits(partition.log, desc[d + Desc.RECORDS_LENGTH]!)) {
        produceEntry(this.broker, operation, entry, partition, this.broker.facts);
      } else this.held.hold(operation, entry, partition, block);
      return;
    }
    operation.linked++;
    remote!.append(operation, entry, topic, index, this.broker.facts, block);
  }

  /** The shard that has the bytes looks: the one that leads the partition cannot reach them. */
  private lacksKeys(d: number): boolean {
    const { arena, desc } = this.broker.ring;
    const codec = desc[d + Desc.ATTRIBUTES]! & BatchAttribute.CODEC_MASK;
    if (codec === 0) return desc[d + Desc.KEYLESS] === 1;
    const offset = desc[d + Desc.RECORDS_OFFSET]!;
    const body = arena.subarray(offset + BATCH_HEADER_BYTES, offset + desc[d + Desc.RECORDS_LENGTH]!);
    return hasKeylessRecord(codec, body, desc[d + Desc.RECORD_COUNT]!);
  }

  /** The way to a partition another shard leads, where this one speaks for all. */
  private remoteOf(topic: TopicEntry, index: number): RemotePartitions | null {
    return index >= 0 && index < topic.shards.length ? this.broker.remote : null;
  }

  private fillFacts(d: number, f: number): void {
    const ring = this.broker.ring;
    const desc = ring.desc;
    const facts = this.broker.facts;
    const offset = desc[d + Desc.RECORDS_OFFSET]!;
    facts.arenaOffset = offset;
    facts.nowMs = ring.ctlF64[Ctl.WALL_MS_F64]!;
    facts.address = ring.arenaAddress + offset;
    facts.lengthBytes = desc[d + Desc.RECORDS_LENGTH]!;
    facts.attributes = desc[d + Desc.ATTRIBUTES]!;
    facts.lastOffsetDelta = desc[d + Desc.LAST_OFFSET_DELTA]!;
    facts.recordCount = desc[d + Desc.RECORD_COUNT]!;
    facts.producerEpoch = desc[d + Desc.PRODUCER_EPOCH]!;
    facts.baseSequence = desc[d + Desc.BASE_SEQUENCE]!;
    facts.baseTimestamp = ring.descF64[f + Desc.BASE_TIMESTAMP_F64]!;
    facts.maxTimestamp = ring.descF64[f + Desc.MAX_TIMESTAMP_F64]!;
    facts.producerId = ring.descF64[f + Desc.PRODUCER_ID_F64]!;
  }

  /** All entries are in: wait for what they need, at most the request's timeout. */
  private park(operation: PendingProduce, timeoutMs: number): void {
    operation.undecided--;
    if (operation.undecided === 0) {
      operation.line!.settle(operation);
      return;
    }
    // Entries that wait for the disk, for another shard or for memory are decided by those; the others when the tick's appends
    // are done. Without acks nobody is there to be told of a timeout.
    if (operation.linked > 0 && operation.acks !== NO_ACKS) this.broker.wheel.add(operation, this.broker.nowMs() + Math.max(timeoutMs, 0));
    this.broker.awaitOutcome(operation);
  }

  answer(operation: PendingProduce): void {
    this.broker.wheel.cancel(operation);
    this.count(operation);
    const connection = operation.connection!;
    if (operation.acks === NO_ACKS) this.answerNothing(operation, connection);
    else if (!connection.line.closed) this.write(operation, connection);
    if (operation.linked === 0) this.recycle(operation);
  }

  private count(operation: PendingProduce): void {
    const { counters } = this.broker;
    for (let entry = 0; entry < operation.count; entry++) {
      const topic = operation.topics[entry];
      if (topic != null && !topic.gone) counters.produced(topic.counterRow, operation.errors[entry] !== ErrorCode.NONE);
    }
    this.times.answered(operation);
  }

  recycle(operation: PendingProduce): void {
    operation.connection = null;
    this.idle.push(operation);
  }

  private write(operation: PendingProduce, connection: Connection): void {
    const outbox = this.outbox;
    const leaders = leadersNamed(operation);
    const tags = leaders === null ? NO_TAGS : this.endpoints.tagsOf(leaders, connection.listener);
    const sizeMax = produceResponseBytesMax(operation) + tags.length;
    if (sizeMax > outbox.capacityBytes) {
      this.writeLarge(operation, connection, tags, sizeMax);
      return;
    }
    const start = outbox.reserve(sizeMax);
    const end = writeProduceResponse(outbox.bytes, outbox.view, start, operation, tags);
    outbox.trim(end);
    outbox.send(connection.conn, connection.generation, start, end - start);
  }

  /** Thousands of entries, or names without measure: written beside the out region. */
  private writeLarge(operation: PendingProduce, connection: Connection, tags: Uint8Array, sizeMax: number): void {
    const bytes = new Uint8Array(sizeMax);
    const end = writeProduceResponse(bytes, new DataView(bytes.buffer), 0, operation, tags);
    this.outbox.sendCopy(connection.conn, connection.generation, bytes.subarray(0, end));
  }

  /** acks=0 has no answer; an error closes the connection, so that the client looks again. */
  private answerNothing(operation: PendingProduce, connection: Connection): void {
    for (let entry = 0; entry < operation.count; entry++) {
      const error = operation.errors[entry]!;
      if (error === ErrorCode.NONE) continue;
      this.refuse(
        connection,
        `Produce with acks=0 to ${partitionName(operation, entry)} failed: ${operation.messages[entry] ?? errorName(error)}`,
      );
      return;
    }
  }
}

/** For the log. */
function partitionName(operation: PendingProduce, entry: number): string {
  const topic = operation.topics[entry]?.name ?? unknownTopic(operation.unknownNames[entry]!, operation.apiVersion >= TOPIC_ID_SINCE);
  return `${topic}-${operation.partitionIndexes[entry]}`;
}

function unknownTopic(bytes: Uint8Array, isId: boolean): string {
  return isId ? uuidFromBytes(bytes, 0) : Buffer.from(bytes).toString('utf8', 0, TOPIC_NAME_SHOWN);
}
