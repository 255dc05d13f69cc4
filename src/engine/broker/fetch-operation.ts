// A Fetch in line: attempted at once, parked while there is too little, attempted again when something changes.
// Owner: the shard's thread. Hot: pooled; targets, plans and watch nodes are kept for reuse.
//
// It is ready when (a) the bytes found reach min bytes, (b) a target has an error, (c) max wait has passed, or (d) it
// asks for nothing. Everything else waits, watched by each of its partitions and by the timing wheel.
//
// Targets that another shard leads (`ringlog.listeners=single`) are asked for once at the start, without waiting; while
// the operation is parked their shard holds the question until there is more to read. Their plans are numbers of another
// thread and cannot be looked at again when the answer's turn comes: there a Fetch begins when everything before it on its
// connection has been answered.

import { ErrorCode } from '../base/error-code.ts';
import { Ctl } from '../io/tick-layout.ts';
import { planRead, ReadStatus } from '../log/log-read.ts';
import { highWatermark, lastStableOffset } from '../partition/partition.ts';
import { WatchNode, type Watcher } from '../partition/watch-list.ts';
import { PendingRequest } from '../purgatory/request-line.ts';
import type { FetchTarget } from './fetch-target.ts';
import type { PlanWaiter } from './remote-partitions.ts';
import type { ShardBroker } from './shard-broker.ts';

/** How long another shard may take for its first answer before the request goes out without it. */
const REMOTE_PATIENCE_MS = 1000;

export abstract class FetchOperation extends PendingRequest implements Watcher, PlanWaiter {
  readonly broker: ShardBroker;
  targets: FetchTarget[] = [];
  /** Targets in use: the first `count` of `targets`. */
  count = 0;
  /** Where the round over the targets begins, so that none is always last under the byte limit. */
  first = 0;
  minBytes = 1;
  maxBytes = 0;
  maxWaitMs = 0;
  readCommitted = false;
  /** Versions 13+ name topics by id. */
  byTopicId = false;
  plannedBytes = 0;
  /** Some target has an error to report at once. */
  faulty = false;
  private readonly nodes: WatchNode[] = [];
  private parked = false;
  private begunMs = 0;
  /** Tick of the last attempt. */
  private attemptedTick = -1;
  /** Answers of other shards still to come before the first verdict. */
  private firstAnswers = 0;

  constructor(broker: ShardBroker) {
    super();
    this.broker = broker;
  }

  /** Attempt now; settle or park. */
  begin(): void {
    if (this.broker.remote !== null && this.line!.head !== this) return;
    this.firstAnswers = 0;
    this.begunMs = this.broker.nowMs();
    // A session's list may have shrunk since the request came.
    if (this.count > this.targets.length) this.count = this.targets.length;
    for (let i = 0; i < this.count; i++) this.askRemote(this.targets[i]!, false);
    this.attempt();
    if (this.firstAnswers > 0) this.park();
    else this.judge();
  }

  override onTurn(): void {
    // Who is parked or settled began before.
    if (this.broker.remote === null || this.parked) return;
    if (this.line!.closed) this.finish();
    else this.begin();
  }

  onPartitionChange(): void {
    this.attempt();
    if (this.ready()) this.finish();
    else this.watchAll();
  }

  onRemotePlan(_target: FetchTarget): void {
    if (this.firstAnswers > 0 && --this.firstAnswers > 0) return;
    this.attempt();
    if (this.parked) this.judge();
  }

  override onDeadline(): void {
    this.attempt();
    this.finish();
  }

  private judge(): void {
    if (this.ready() || this.maxWaitMs <= 0) {
      this.finish();
      return;
    }
    for (let i = 0; i < this.count; i++) this.askRemote(this.targets[i]!, true);
    this.watchAll();
    this.park();
  }

  private park(): void {
    this.parked = true;
    // Another shard that does not answer must not hold the request for ever.
    const waitMs = this.firstAnswers > 0 ? Math.max(this.maxWaitMs, REMOTE_PATIENCE_MS) : this.maxWaitMs;
    this.broker.wheel.cancel(this);
    this.broker.wheel.add(this, this.begunMs + waitMs);
  }

  /** The connection is gone: nobody waits for this any more. */
  abandon(): void {
    if (this.parked) this.finish();
  }

  /** Make a plan for every target, within the byte limits. */
  attempt(): void {
    this.plannedBytes = 0;
    this.faulty = false;
    this.attemptedTick = this.broker.ring.ctlF64[Ctl.TICKS_F64]!;
    // A session's list may have shrunk under a request that was still parked.
    if (this.count > this.targets.length) this.count = this.targets.length;
    let remaining = this.maxBytes;
    for (let i = 0; i < this.count; i++) {
      const target = this.targets[(this.first + i) % this.count]!;
      this.attemptTarget(target, remaining);
      this.plannedBytes += target.plannedBytes;
      remaining -= target.plannedBytes;
      if (target.error !== ErrorCode.NONE) this.faulty = true;
    }
  }

  /** Its turn to answer has come: what was found in an earlier tick may be old. */
  attemptAgain(): void {
    if (this.attemptedTick !== this.broker.ring.ctlF64[Ctl.TICKS_F64]!) this.attempt();
  }

  private ready(): boolean {
    return this.faulty || this.count === 0 || this.plannedBytes >= this.minBytes;
  }

  private finish(): void {
    this.parked = false;
    this.firstAnswers = 0;
    this.broker.wheel.cancel(this);
    for (let i = 0; i < this.nodes.length; i++) this.nodes[i]!.unlink();
    for (let i = 0; i < this.count; i++) if (this.targets[i]!.awaited) this.broker.remote!.forget(this.targets[i]!);
    // Produces of this connection that stand before it may be written only later in this tick: it has to see them.
    if (this.line!.head !== this) this.attemptedTick = -1;
    this.line!.settle(this);
  }

  /** Ask the shard that leads `target`, if it is another one and has not been asked already. */
  private askRemote(target: FetchTarget, wait: boolean): void {
    const { remote } = this.broker;
    if (remote === null || target.awaited) return;
    target.remote = false;
    if (this.resolveTopic(target) !== ErrorCode.NONE || target.topic!.partitions[target.partitionIndex] != null) return;
    const index = target.partitionIndex;
    if (index < 0 || index >= target.topic!.shards.length) return;
    target.remote = true;
    if (!wait) this.firstAnswers++;
    remote.plan(
      this,
      target,
      target.topic!,
      Math.min(target.maxBytes, this.maxBytes),
      this.readCommitted,
      true,
      wait ? target.plan.length : -1,
    );
  }

  /** After the answer is out, or was not needed. */
  releaseRemote(): void {
    for (let i = 0; i < this.count; i++) if (this.targets[i]!.remoteLease >= 0) this.broker.remote!.giveBack(this.targets[i]!);
  }

  private watchAll(): void {
    for (let i = 0; i < this.count; i++) {
      const partition = this.targets[i]!.partition;
      if (partition === null) continue;
      // Without holes, also when targets of other shards stand before this one.
      while (this.nodes.length <= i) this.nodes.push(new WatchNode(this));
      const node = this.nodes[i]!;
      if (node.list === partition.watchers) continue;
      node.unlink();
      partition.watchers.link(node);
    }
  }

  private attemptTarget(target: FetchTarget, remaining: number): void {
    if (target.remote) {
      // Planned by its own shard; under the byte limit of the whole answer it may have to wait for the next one.
      target.plannedBytes =
        target.remoteLease >= 0 && (this.plannedBytes === 0 || target.plan.length <= remaining) ? target.plan.length : 0;
      return;
    }
    target.plannedBytes = 0;
    target.error = this.resolve(target);
    if (target.error !== ErrorCode.NONE) {
      target.partition = null;
      target.highWatermark = -1;
      target.lastStableOffset = -1;
      target.logStartOffset = -1;
      return;
    }
    const partition = target.partition!;
    target.highWatermark = highWatermark(partition);
    target.lastStableOffset = lastStableOffset(partition);
    target.logStartOffset = partition.log.startOffset;
    const limit = this.readCommitted ? target.lastStableOffset : target.highWatermark;
    const budget = Math.max(0, Math.min(target.maxBytes, remaining));
    const status = planRead(this.broker.logs, partition.log, target.fetchOffset, budget, limit, this.plannedBytes === 0, target.plan);
    if (status === ReadStatus.OK) target.plannedBytes = target.plan.length;
    else if (status === ReadStatus.OUT_OF_RANGE) target.error = ErrorCode.OFFSET_OUT_OF_RANGE;
    else if (status === ReadStatus.FAILED) target.error = ErrorCode.KAFKA_STORAGE_ERROR;
    else if (status === ReadStatus.CORRUPT) target.error = ErrorCode.CORRUPT_MESSAGE;
  }

  private resolveTopic(target: FetchTarget): number {
    if (target.topic === null || target.topic.gone) {
      const topics = this.broker.topics;
      target.topic = (this.byTopicId ? topics.byId.get(target.topicId) : topics.byName.get(target.topicName)) ?? null;
      if (target.topic === null) return this.byTopicId ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
    }
    return ErrorCode.NONE;
  }

  private resolve(target: FetchTarget): number {
    const unknown = this.resolveTopic(target);
    if (unknown !== ErrorCode.NONE) return unknown;
    const topic = target.topic!;
    const index = target.partitionIndex;
    const partition = topic.partitions[index];
    if (partition == null) {
      const known = index >= 0 && index < topic.leaderNodeIds.length;
      return known ? this.broker.absenceOf(topic, index) : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
    }
    target.partition = partition;
    if (target.currentLeaderEpoch < 0 || target.currentLeaderEpoch === partition.leaderEpoch) return ErrorCode.NONE;
    return target.currentLeaderEpoch < partition.leaderEpoch ? ErrorCode.FENCED_LEADER_EPOCH : ErrorCode.UNKNOWN_LEADER_EPOCH;
  }
}
