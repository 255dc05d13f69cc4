// What one shard is: its logs, its partitions, and what happens at the end of each tick. Owner: the shard's thread.
// Hot: the LogListener calls and endTick(). State and wake-ups only; produce.ts, fetch.ts … are the verbs.

import type { BrokerConfig } from '../base/config-schema.ts';
import type { Clock } from '../base/clock.ts';
import { ErrorCode } from '../base/error-code.ts';
import type { ShardCounters } from '../base/shard-counters.ts';
import { ReusedList } from '../base/reused-list.ts';
import { Ctl } from '../io/tick-layout.ts';
import type { FileSystem } from '../io/file-system.ts';
import type { TickRing } from '../io/tick-ring.ts';
import type { JournalOptions } from '../log/commit-journal.ts';
import type { Log } from '../log/log.ts';
import { LogTable, type LogListener } from '../log/log-table.ts';
import type { Partition } from '../partition/partition.ts';
import type { TopicEntry, TopicTable } from '../partition/topic-table.ts';
import { TimingWheel } from '../purgatory/timing-wheel.ts';
import { BatchFacts } from '../record/batch-facts.ts';
import { AppendLine } from './append-line.ts';
import type { RemotePartitions } from './remote-partitions.ts';
import { decideWrittenEntries, type ProduceOperation } from './produce-operation.ts';

export interface ShardIdentity {
  readonly shard: number;
  readonly shardCount: number;
  /** This shard's Kafka node id. */
  readonly nodeId: number;
}

const ACKS_ALL = -1;

/** When an `acks=all` is good: on the disk, or in the page cache (`ringlog.fsync`). */
export type FsyncPolicy = 'before-ack' | 'interval' | 'never';

export class ShardBroker implements LogListener {
  readonly config: BrokerConfig;
  readonly identity: ShardIdentity;
  readonly ring: TickRing;
  readonly logs: LogTable;
  readonly appendLine: AppendLine;
  readonly counters: ShardCounters;
  readonly topics: TopicTable;
  readonly wheel: TimingWheel;
  readonly clock: Clock;
  readonly fsync: FsyncPolicy;
  /** Reused for every batch appended. */
  readonly facts = new BatchFacts();
  /** Partitions by their log's ticket. */
  readonly partitionByTicket: (Partition | null)[] = [];
  /** Topics with partitions that found no room to be opened: to be tried again. */
  readonly unopened = new Set<string>();
  /** Who else has appends to settle at the end of a tick: coordinators. */
  readonly writers: { endTick(): void }[] = [];
  /** A log directory cannot be trusted any more: to be told to the log and to the other shards. */
  directoryFailed: (directory: string, errno: number) => void = () => undefined;
  /** A log directory's commit journal does not serve: to be told to the log. */
  journalUnusable: (directory: string, reason: string) => void = () => undefined;
  /** Topics that ask for managed storage get the page cache in that directory: told once. */
  storageUnmanaged: (directory: string) => void = () => undefined;
  private readonly unmanagedDirectories = new Set<string>();
  /** Scrubbing found damage: to be told to the log. */
  rotFound: (partition: string, words: string) => void = () => undefined;
  /** Partitions of other shards; null when clients go to the shard that leads (`ringlog.listeners=per-shard`). */
  remote: RemotePartitions | null = null;
  private touched = new ReusedList<Partition>();
  private touchedSpare = new ReusedList<Partition>();
  /** Produces whose fate is known when this tick's appends are: acks=1, and acks=all without fsync. */
  private readonly awaitingWrite: ProduceOperation[] = [];
  private awaitingWriteCount = 0;

  /** @param journal null: what must be durable is synced in its segments */
  constructor(
    config: BrokerConfig,
    identity: ShardIdentity,
    parts: {
      readonly ring: TickRing;
      readonly fs: FileSystem;
      readonly clock: Clock;
      readonly journal: JournalOptions | null;
      readonly counters: ShardCounters;
    },
    topics: TopicTable,
  ) {
    const { ring, fs, clock, journal, counters } = parts;
    this.config = config;
    this.identity = identity;
    this.ring = ring;
    this.clock = clock;
    this.counters = counters;
    this.topics = topics;
    this.fsync = config['ringlog.fsync'] as FsyncPolicy;
    this.appendLine = new AppendLine(ring);
    this.wheel = new TimingWheel(clock.monotonicMs());
    this.logs = new LogTable(ring, fs, clock, this, {
      journal,
      counters,
      writeBackBytes: config['ringlog.writeback.bytes'],
      recycle: config['ringlog.segment.recycle'],
      scrubBytesPerSecond: Math.ceil(config['ringlog.scrub.bytes.per.second'] / identity.shardCount),
    });
  }

  /** Monotonic milliseconds at the start of this tick. */
  nowMs(): number {
    return this.ring.ctlF64[Ctl.NOW_MS_F64]!;
  }

  /** Wall-clock milliseconds at the start of this tick. */
  wallMs(): number {
    return this.ring.ctlF64[Ctl.WALL_MS_F64]!;
  }

  /** Entries of `operation` are staged: those that wait for no more than the write are decided at the end of the tick. */
  awaitOutcome(operation: ProduceOperation): void {
    if (operation.acks === ACKS_ALL && this.fsync === 'before-ack') return;
    this.awaitingWrite[this.awaitingWriteCount++] = operation;
  }

  onWritten(log: Log): void {
    this.touch(log);
  }

  onRot(log: Log, words: string): void {
    this.rotFound(log.name, words);
  }

  onReadable(log: Log): void {
    this.touch(log);
  }

  onDurable(log: Log): void {
    const partition = this.partitionByTicket[log.ticket];
    if (partition != null) partition.durable.advance(log.durableOffset);
  }

  onDirectoryFailed(directory: string, errno: number): void {
    this.directoryFailed(directory, errno);
  }

  onJournalUnusable(directory: string, reason: string): void {
    this.journalUnusable(directory, reason);
  }

  onUnmanaged(log: Log): void {
    const directory = log.dir.slice(0, log.dir.lastIndexOf('/'));
    if (this.unmanagedDirectories.has(directory)) return;
    this.unmanagedDirectories.add(directory);
    this.storageUnmanaged(directory);
  }

  onFailed(log: Log, _errno: number): void {
    const partition = this.partitionByTicket[log.ticket];
    if (partition == null) return;
    partition.durable.fail(log.failed ? log.durableOffset : log.writtenOffset);
    this.touch(log);
  }

  /** Why a known partition is not here: another shard leads it, or its log directory is offline or full. */
  absenceOf(topic: TopicEntry, index: number): number {
    return topic.shards[index] === this.identity.shard ? ErrorCode.KAFKA_STORAGE_ERROR : ErrorCode.NOT_LEADER_OR_FOLLOWER;
  }

  /** Wake what waits on `partition` at the end of this tick. */
  touchPartition(partition: Partition): void {
    if (partition.touched) return;
    partition.touched = true;
    this.touched.push(partition);
  }

  private touch(log: Log): void {
    const partition = this.partitionByTicket[log.ticket];
    if (partition != null) this.touchPartition(partition);
  }

  /**
   * After the appends of the tick have been carried out and their completions drained: decide the produces that wait
   * for no more than the write, wake parked fetches, and ask for the disk on behalf of those that wait for it.
   */
  endTick(): void {
    this.decideWritten();
    for (let i = 0; i < this.writers.length; i++) this.writers[i]!.endTick();
    while (this.touched.length > 0) this.wakeTouched();
    this.logs.flush();
    this.wheel.advance(this.nowMs());
  }

  private decideWritten(): void {
    const operations = this.awaitingWrite;
    const count = this.awaitingWriteCount;
    this.awaitingWriteCount = 0;
    for (let i = 0; i < count; i++) decideWrittenEntries(operations[i]!);
  }

  private wakeTouched(): void {
    const round = this.touched;
    this.touched = this.touchedSpare;
    this.touchedSpare = round;
    for (let i = 0; i < round.length; i++) {
      const partition = round.at(i);
      partition.touched = false;
      partition.watchers.notify();
    }
    round.clear();
  }
}
