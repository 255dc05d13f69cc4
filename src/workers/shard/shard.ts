// One shard put together: reactor, logs, server, coordinators. Owner: the thread it was made on, a worker's or the
// caller's (`ringlog.shards=0`). Hot: tick().

import { randomBytes } from 'node:crypto';
import { type BrokerSettings, effectiveBrokerConfig } from '../../engine/base/config-broker.ts';
import { assert } from '../../engine/base/assert.ts';
import type { Clock } from '../../engine/base/clock.ts';
import { ShardCounters } from '../../engine/base/shard-counters.ts';
import { crc32c } from '../../engine/base/crc32c.ts';
import { applyImage, type ImageContext, openMissing, type RecoveryFacts } from '../../engine/broker/apply-image.ts';
import { LocalPartitionVerbs } from '../../engine/broker/local-partition-verbs.ts';
import { ShardBroker, type ShardIdentity } from '../../engine/broker/shard-broker.ts';
import type { ShardServices } from '../../engine/broker/shard-services.ts';
import type { FileSystem } from '../../engine/io/file-system.ts';
import { type CheckpointEntry } from '../../engine/log/checkpoint-file.ts';
import { isDiskError } from '../../engine/io/disk-error.ts';
import { firstDirtyOffsets, logStartOffsets, publishNotes, recoveryPoints } from '../../engine/log/log-checkpoints.ts';
import { brokerLayers } from '../../engine/metadata/broker-layers.ts';
import type { ControllerVerbs } from '../../engine/metadata/controller-requests.ts';
import { applyDelta, type MetadataDelta } from '../../engine/metadata/metadata-delta.ts';
import { EMPTY_IMAGE, type MetadataImage } from '../../engine/metadata/metadata-image.ts';
import { highWatermark, type Partition } from '../../engine/partition/partition.ts';
import { TopicTable } from '../../engine/partition/topic-table.ts';
import { kafkaApis } from '../../net/kafka/handlers/kafka-apis.ts';
import { KafkaServer, type KafkaServerLog } from '../../net/kafka/server/kafka-server.ts';
import { Outbox } from '../../net/kafka/server/outbox.ts';
import type { Reactor, ReactorReport } from '../../net/reactor/reactor.ts';
import type { Mailbox } from '../ring/mailbox.ts';
import { MessageKind } from '../ring/message-layout.ts';
import { ForwardedRequests } from './forwarded-requests.ts';
import type { RingFill } from '../ring/mesh-endpoint.ts';
import type { CheckpointReport, ListenBody } from './control-kind.ts';
import { CounterStatement } from './counter-statement.ts';
import { Housekeeping } from './housekeeping.ts';
import { journalOptions } from './journal-options.ts';
import { type BackgroundWork, type CleanerLog, LogCleaner } from './log-cleaner.ts';
import { Mail } from './mail.ts';
import { GroupShard, OFFSETS_TOPIC } from './group-shard.ts';
import { ImageWatch } from './image-watch.ts';
import { addToSummary, describeRecovery, emptySummary, type RestartSummary } from './recovery-words.ts';
import { ProducerIdSource } from './producer-id-source.ts';
import { RemoteShards } from './remote-shards.ts';
import { routedGroups, routedPartitionVerbs, type ShardPeers } from './routed-verbs.ts';

const LISTEN_BACKLOG_MIN = 50;
/** Above the numbers of the shards' own arenas. */
const CALLER_ARENA_INDEX = 1000;

export interface ShardParts {
  readonly settings: BrokerSettings;
  readonly identity: ShardIdentity;
  readonly reactor: Reactor;
  readonly fs: FileSystem;
  readonly clock: Clock;
  readonly random: () => number;
  readonly controller: ControllerVerbs;
  readonly recovery: RecoveryFacts;
  readonly log: KafkaServerLog & ShardLog & CleanerLog;
  /** CPU work on files, which never runs here. */
  readonly background: BackgroundWork;
  /** Memory that embedded callers write batches to, by their thread. */
  readonly callerArenas: readonly (SharedArrayBuffer | null)[];
  /** The other shards, where one listener speaks for all (`ringlog.listeners=single`); null where each speaks for itself. */
  readonly peers: ShardPeers | null;
  /** To the supervisor, which tells the other shards: their logs in that directory must not be trusted either. */
  readonly tellDirectoryFailed: (directory: string, errno: number) => void;
  /** The recovery points have fallen behind the disk: the supervisor shall ask for checkpoints soon. */
  readonly checkpointDue: () => void;
  /** Memory of allocateCounters(), which the supervisor reads. */
  readonly counters: SharedArrayBuffer;
  /** Of the rings to other threads; null where there are none. */
  readonly ringFill: (() => RingFill) | null;
  /** Run at the start of every tick: mail of other threads. */
  readonly drainMail: () => void;
  /** Run at the end of every tick; false when another tick must follow. */
  readonly finishTick: () => boolean;
  /** Run before the reactor closes: no tick will drain mail any more, and nobody may wake the reactor. */
  readonly leaveReactor: () => void;
}

export interface ShardLog {
  /** What opening a log found and did, when it was more than opening it. */
  recovered(partition: string, report: string): void;
  /** How the logs of a start were opened that a clean stop had not closed. */
  restarted(summary: RestartSummary): void;
  logFailed(partition: string, reason: string): void;
  /** Scrubbing found damage on the disk. */
  rotFound(partition: string, words: string): void;
  journalUnusable(directory: string, reason: string): void;
  storageUnmanaged(directory: string, reactor: string): void;
}

export class Shard {
  readonly broker: ShardBroker;
  readonly server: KafkaServer;
  readonly groups: GroupShard;
  readonly partitionVerbs: LocalPartitionVerbs;
  /** Requests that came in here and belong to another shard; null where that does not happen. */
  private readonly remote: RemoteShards | null;
  /** What other threads ask of this shard. */
  private readonly forwarded: ForwardedRequests;
  private readonly mail: Mail;
  private readonly parts: ShardParts;
  private readonly images = new ImageWatch(EMPTY_IMAGE);
  private readonly context: ImageContext;
  private readonly housekeeping: Housekeeping;
  private readonly statement: CounterStatement;
  private restart = emptySummary();
  private readonly cleaner: LogCleaner;

  constructor(parts: ShardParts) {
    this.parts = parts;
    const { identity, reactor, fs, clock } = parts;
    const { config } = parts.settings;
    const journal = journalOptions(config, identity.shard, reactor.report.kind === 'native');
    const counters = new ShardCounters(parts.counters);
    this.broker = new ShardBroker(config, identity, { ring: reactor, fs, clock, journal, counters }, new TopicTable(crc32c));
    this.partitionVerbs = new LocalPartitionVerbs(this.broker);
    this.groups = new GroupShard(
      this.broker,
      () => reactor.schedule(),
      (size) => randomBytes(size),
      () => this.images.current,
      (partition, error) => parts.log.logFailed(`${OFFSETS_TOPIC}-${partition}`, `groups were not loaded: ${String(error)}`),
    );
    this.mail = new Mail((peer) => parts.peers!.mailboxOf(peer));
    this.forwarded = this.openForwarded();
    this.remote = this.openRemote();
    this.broker.directoryFailed = parts.tellDirectoryFailed;
    this.broker.rotFound = (partition, words) => parts.log.rotFound(partition, words);
    this.broker.journalUnusable = (directory, reason) => parts.log.journalUnusable(directory, reason);
    this.broker.storageUnmanaged = (directory) => parts.log.storageUnmanaged(directory, reactor.report.kind);
    const services = this.buildServices();
    this.server = new KafkaServer({
      reactor,
      broker: this.broker,
      services,
      registry: kafkaApis(),
      log: parts.log,
      random: parts.random,
    });
    this.context = {
      settings: parts.settings,
      recovery: parts.recovery,
      listener: { onOpened: (partition) => this.onOpened(partition), onClosed: (partition) => this.groups.onClosed(partition) },
    };
    this.statement = new CounterStatement(this.broker, this.groups.coordinator, reactor, parts.ringFill);
    this.housekeeping = new Housekeeping(
      this.broker,
      parts.checkpointDue,
      () => openMissing(this.broker, this.images.current, this.context),
      () => this.statement.write(),
    );
    this.cleaner = new LogCleaner(this.broker, parts.background, parts.log);
  }

  start(): void {
    this.parts.reactor.start(() => this.tick());
  }

  private tick(): void {
    this.server.times.beginTick();
    this.parts.drainMail();
    this.server.onTick();
    if (!this.parts.finishTick()) this.parts.reactor.schedule();
  }

  /** A data-path message of another thread. */
  onMessage(mailbox: Mailbox, kind: number, at: number): void {
    if (this.forwarded.take(mailbox, kind, at)) return;
    if (kind === MessageKind.APPEND_RESULT) this.remote!.onAppendResult(mailbox, at);
    else if (kind === MessageKind.FETCH_PLAN) this.remote!.onPlan(mailbox, at);
    else assert(false, 'a message of a known kind', kind);
  }

  /** There is room towards another thread again. */
  onSpace(mailbox: Mailbox): void {
    this.mail.onSpace(mailbox);
  }

  get report(): ReactorReport {
    return this.parts.reactor.report;
  }

  /** Follow the controller. When this returns, new partitions are open and removed ones are gone. */
  applyDelta(delta: MetadataDelta): void {
    const image = applyDelta(this.images.current, delta);
    applyImage(this.broker, image, delta, this.context);
    if (this.restart.partitions > 0) this.parts.log.restarted(this.restart);
    this.restart = emptySummary();
    this.images.advance(image);
    this.statement.write();
    // Offsets committed for a topic go with it.
    if (delta.removedTopicNames.length > 0) this.groups.coordinator.forgetTopics(delta.removedTopicNames);
    this.parts.reactor.schedule();
  }

  /** @returns the ports listened on, in order */
  async listen({ listeners, reusePort }: ListenBody): Promise<number[]> {
    const backlog = Math.max(LISTEN_BACKLOG_MIN, this.parts.settings.config['socket.listen.backlog.size']);
    const ports: number[] = [];
    for (const { host, port } of listeners) ports.push((await this.parts.reactor.listen({ host, port, reusePort, backlog })).port);
    return ports;
  }

  checkpoints(): CheckpointReport {
    const notes = publishNotes(this.broker.logs);
    const recovery = recoveryPoints(this.broker.logs);
    const starts = logStartOffsets(this.broker.logs);
    const marks: CheckpointEntry[] = [];
    const dirOf = new Map<string, string>();
    const failed = new Set<string>();
    for (const partition of this.broker.partitionByTicket) {
      if (partition == null) continue;
      const { topicName, index, log } = partition;
      const directory = log.dir.slice(0, log.dir.lastIndexOf('/'));
      dirOf.set(log.name, directory);
      if (log.failed) failed.add(directory);
      marks.push({ topic: topicName, partition: index, offset: highWatermark(partition) });
    }
    return {
      notes,
      recoveryPoints: byDirectory(recovery, dirOf),
      logStartOffsets: byDirectory(starts, dirOf),
      highWatermarks: byDirectory(marks, dirOf),
      failedDirectories: [...failed],
      firstDirtyOffsets: byDirectory(firstDirtyOffsets(this.broker.logs), dirOf),
    };
  }

  /** Take no more connections, flush and close every log, answer who waited for the disk; all other requests in line end with their connection. */
  async close(): Promise<CheckpointReport> {
    this.housekeeping.stop();
    this.cleaner.stop();
    this.parts.reactor.stopListening();
    // What a coordinator staged since the last tick is written before the files close.
    if (this.broker.logs.pendingAppends > 0) this.server.onTick();
    this.server.stop();
    try {
      this.broker.logs.closeAll();
    } catch (error) {
      // The directory is offline by now, and will not be marked as cleanly stopped.
      if (!isDiskError(error)) throw error;
    }
    // Closing has put everything on the disk: whoever waited for that is answered before the sockets go.
    for (const partition of this.broker.partitionByTicket) partition?.durable.advance(partition.log.durableOffset);
    this.parts.reactor.submit();
    this.parts.leaveReactor();
    await this.parts.reactor.close();
    // All is in the segments now, save for directories that failed.
    this.broker.logs.commit.close(true);
    return this.checkpoints();
  }

  private onOpened(partition: Partition): void {
    const report = partition.log.recovery!;
    addToSummary(this.restart, report);
    const words = describeRecovery(report);
    if (words !== '') this.parts.log.recovered(partition.log.name, words);
    this.groups.onOpened(partition);
  }

  private openForwarded(): ForwardedRequests {
    const { callerArenas, reactor } = this.parts;
    const arenas = callerArenas.map((memory, thread) => {
      if (memory === null) return null;
      const address = reactor.registerForeignArena(CALLER_ARENA_INDEX + thread, memory);
      return { bytes: new Uint8Array(memory), view: new DataView(memory), address };
    });
    return new ForwardedRequests(this.broker, this.mail, arenas);
  }

  private openRemote(): RemoteShards | null {
    const { peers, reactor } = this.parts;
    if (peers === null || peers.shardCount === 1) return null;
    const remote = new RemoteShards(this.broker, new Outbox(reactor), this.mail);
    this.broker.remote = remote;
    return remote;
  }

  private buildServices(): ShardServices {
    const { controller, identity, peers, settings } = this.parts;
    const image = (): MetadataImage => this.images.current;
    const producerIds = new ProducerIdSource(controller);
    return {
      config: settings.config,
      broker: this.broker,
      image,
      controller,
      partitions: peers === null ? this.partitionVerbs : routedPartitionVerbs(this.partitionVerbs, peers, image),
      groups: peers === null ? this.groups.coordinator : routedGroups(this.groups.coordinator, peers, image),
      imageWith: (predicate, timeoutMs) => this.images.wait(predicate, timeoutMs),
      nextProducerId: () => producerIds.next(),
      effectiveConfig: () => effectiveBrokerConfig(brokerLayers(settings, this.images.current, identity.nodeId)),
    };
  }
}

function byDirectory(entries: readonly CheckpointEntry[], dirOf: ReadonlyMap<string, string>): Record<string, CheckpointEntry[]> {
  const sorted: Record<string, CheckpointEntry[]> = {};
  for (const dir of dirOf.values()) sorted[dir] = [];
  for (const entry of entries) sorted[dirOf.get(`${entry.topic}-${entry.partition}`) ?? '']?.push(entry);
  return sorted;
}
