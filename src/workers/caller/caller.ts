// The supervisor's thread as one more member of the mesh: what an embedded caller, or a gateway, does with the partitions,
// groups and metadata of this process. Owner: the supervisor's thread. Hot: produce and fetch, one small object a batch.
//
// One process owns its data directory, so everything ends on a shard of this process; shards of a mesh know no other.

import type { BrokerLayers, BrokerSettings } from '../../engine/base/config-broker.ts';
import { effectiveTopicConfig } from '../../engine/base/config-topic.ts';
import { fetchChannel } from '../../engine/base/diagnostic-channels.ts';
import { errorName, ErrorCode } from '../../engine/base/error-code.ts';
import { microtask } from '../../engine/base/microtask.ts';
import { sharedCopy } from '../../engine/base/shared-copy.ts';
import type { AppendAnswer, FetchAnswer, LogAccess } from '../../engine/broker/log-access.ts';
import type { PartitionVerbs } from '../../engine/broker/partition-verbs.ts';
import { errorOfAttributes, errorOfBatchStatus } from '../../engine/broker/produce.ts';
import type { GroupCoordinator } from '../../engine/coordinator/group-coordinator.ts';
import type { FileSystem } from '../../engine/io/file-system.ts';
import { BatchStatus, Desc, DESC_WORDS } from '../../engine/io/tick-layout.ts';
import { brokerLayers } from '../../engine/metadata/broker-layers.ts';
import type { ControllerVerbs } from '../../engine/metadata/controller-requests.ts';
import { CONSUMER_OFFSETS_TOPIC } from '../../engine/metadata/internal-topics.ts';
import { EMPTY_IMAGE, type MetadataImage, type TopicImage } from '../../engine/metadata/metadata-image.ts';
import { describeProducedBatch } from '../../engine/record/produced-batch.ts';
import type { TopicLimits } from '../../net/http/gateway/gateway-log.ts';
import { CallError } from '../ring/call-error.ts';
import type { Mailbox } from '../ring/mailbox.ts';
import type { MeshEndpoint } from '../ring/mesh-endpoint.ts';
import { MessageKind } from '../ring/message-layout.ts';
import { Mail } from '../shard/mail.ts';
import { ProducerIdSource } from '../shard/producer-id-source.ts';
import { NO_SHARD, routedGroups, routedPartitionVerbs } from '../shard/routed-verbs.ts';
import { BatchArena } from './batch-arena.ts';
import { CallerAppends } from './caller-appends.ts';
import { CallerReads } from './caller-reads.ts';

/** Of Produce, for what depends on it: the newest. */
const PRODUCE_VERSION = 12;
const ACKS_NONE = 0;
const UNKNOWN: FetchAnswer = {
  errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  records: new Uint8Array(0),
  highWatermark: -1,
  lastStableOffset: -1,
  logStartOffset: -1,
};

export class Caller implements LogAccess {
  readonly partitions: PartitionVerbs;
  /** Its topic is made at the first question about a group. */
  readonly groups: GroupCoordinator;
  readonly appends: CallerAppends;
  private readonly reads: CallerReads;
  private readonly mail: Mail;
  private readonly mailboxes: readonly Mailbox[];
  private readonly desc = new Int32Array(DESC_WORDS);
  private readonly descF64 = new Float64Array(this.desc.buffer);
  private readImage: () => MetadataImage = () => EMPTY_IMAGE;
  private verbs: ControllerVerbs | null = null;
  private ids: ProducerIdSource | null = null;
  private settings: BrokerSettings | null = null;
  private publishing = false;
  private gone: CallError | null = null;
  private lost = false;
  private limitsImage: MetadataImage | null = null;
  private readonly topicLimits = new Map<TopicImage, TopicLimits>();

  /** @param disk what the shard's files are on, when that is not the machine's */
  constructor(endpoint: MeshEndpoint, arena: SharedArrayBuffer, shardCount: number, disk: FileSystem | null = null) {
    this.mailboxes = endpoint.mailboxes.filter((mailbox) => mailbox !== null);
    const mailboxOf = (shard: number): Mailbox => endpoint.mailboxes[shard + 1]!;
    this.mail = new Mail(mailboxOf, () => this.publishSoon());
    this.appends = new CallerAppends(new BatchArena(arena), this.mail);
    this.reads = new CallerReads(this.mail, disk);
    const peers = { shard: NO_SHARD, shardCount, mailboxOf };
    const image = (): MetadataImage => this.image;
    this.partitions = routedPartitionVerbs(null, peers, image);
    this.groups = withGroupTopic(routedGroups(null, peers, image), this);
  }

  /** The controller is there. */
  follow(image: () => MetadataImage, verbs: ControllerVerbs, settings: BrokerSettings): void {
    this.readImage = image;
    this.verbs = verbs;
    this.settings = settings;
    this.ids = new ProducerIdSource(verbs);
  }

  get image(): MetadataImage {
    return this.readImage();
  }

  get controller(): ControllerVerbs {
    if (this.verbs === null) throw new CallError('CLOSED', 'the broker has not started');
    return this.verbs;
  }

  /** Why nothing can be asked any more, or null. */
  get closed(): CallError | null {
    return this.gone;
  }

  /** The largest batch that the topic takes. */
  maxBatchBytes(topic: TopicImage): number {
    return this.limits(topic).maxBatchBytes;
  }

  /** Asked for each request: read out of the topic's configs once an image. */
  limits(topic: TopicImage): TopicLimits {
    const { image } = this;
    if (this.limitsImage !== image) {
      this.limitsImage = image;
      this.topicLimits.clear();
    }
    let limits = this.topicLimits.get(topic);
    if (limits === undefined) this.topicLimits.set(topic, (limits = limitsOf(topic, brokerLayers(this.settings!, image, null))));
    return limits;
  }

  /** A producer id never given out before; -1 when metadata cannot be written now. */
  nextProducerId(): Promise<number> {
    return this.ids!.next();
  }

  async produce(topic: string, partition: number, batch: Uint8Array, acks: number, signal?: AbortSignal): Promise<AppendAnswer> {
    this.check(signal);
    if (acks !== 0 && acks !== 1 && acks !== -1) return refused(ErrorCode.INVALID_REQUIRED_ACKS);
    const { arena } = this.appends;
    if (batch.length > arena.totalBytes) return refused(ErrorCode.MESSAGE_TOO_LARGE);
    let at = arena.take(batch.length);
    if (at < 0) at = await arena.takeLater(batch.length, signal);
    sharedCopy(arena.bytes, at, batch);
    // The topic may have gone while this waited for room.
    const found = this.find(topic, partition);
    const error = found === null ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : this.refusalOf(at, batch.length);
    if (error !== ErrorCode.NONE) {
      arena.give(at);
      return refused(error);
    }
    const keyless = this.desc[Desc.KEYLESS] === 1;
    return new Promise((resolve, reject) => {
      const answer = (errorCode: number, baseOffset: number, logAppendTimeMs: number, logStartOffset: number): void => {
        arena.give(at);
        resolve({ errorCode, baseOffset, logAppendTimeMs, logStartOffset });
      };
      this.appends.send(found!, partition, at, batch.length, keyless, acks, { onAppended: answer, onLost: reject });
      if (acks === ACKS_NONE) resolve({ errorCode: ErrorCode.NONE, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1 });
    });
  }

  async fetch(
    topic: string,
    partition: number,
    offset: number,
    maxBytes: number,
    waitMs: number,
    signal?: AbortSignal,
  ): Promise<FetchAnswer> {
    this.check(signal);
    const found = this.find(topic, partition);
    if (found === null) return UNKNOWN;
    const call = { topic: found, partition, offset, maxBytes, waitMs, signal };
    if (!fetchChannel.hasSubscribers) return this.reads.fetch(call);
    return fetchChannel.tracePromise(() => this.reads.fetch(call), { topic, partition, offset, maxBytes, waitMs });
  }

  /** The topic, when it has such a partition. */
  find(name: string, partition: number): TopicImage | null {
    const topic = this.image.topic(name);
    return topic !== undefined && Number.isInteger(partition) && partition >= 0 && partition < topic.partitions.length ? topic : null;
  }

  /** A data-path message of a shard. */
  onMessage(mailbox: Mailbox, kind: number, at: number): void {
    // What comes after the shards were given up has nobody to go to.
    if (this.lost) return;
    if (kind === MessageKind.APPEND_RESULT) this.appends.onResult(mailbox, at);
    else if (kind === MessageKind.FETCH_PLAN) this.reads.onPlan(mailbox, at);
  }

  onSpace(mailbox: Mailbox): void {
    this.mail.onSpace(mailbox);
  }

  /** Nothing more is taken; resolves when what was sent has its answer and no file of a shard is being read. */
  async close(reason: string): Promise<void> {
    this.gone ??= new CallError('CLOSED', reason);
    this.appends.arena.close(this.gone);
    await Promise.all([this.reads.close(this.gone), this.appends.drained()]);
  }

  /** The shards are gone: what was asked fails with `reason`. */
  async lose(reason: string): Promise<void> {
    this.lost = true;
    this.gone = new CallError('CLOSED', reason);
    this.appends.arena.close(this.gone);
    this.appends.lose(this.gone);
    await this.reads.close(this.gone);
  }

  /** @throws the signal's reason, or why the broker is gone */
  check(signal?: AbortSignal): void {
    signal?.throwIfAborted();
    if (this.gone !== null) throw this.gone;
  }

  private refusalOf(at: number, lengthBytes: number): number {
    const { bytes: arena, view } = this.appends.arena;
    const { desc, descF64 } = this;
    describeProducedBatch({ arena, view, desc, descF64 }, at, lengthBytes, 0);
    const status = desc[Desc.STATUS]!;
    if (status !== BatchStatus.OK) return errorOfBatchStatus(status, desc[Desc.MAGIC]!);
    // Offsets are given out by the log; a batch that brings its own was stored by somebody before.
    if (descF64[Desc.BASE_OFFSET_F64] !== 0) return ErrorCode.INVALID_RECORD;
    return errorOfAttributes(desc[Desc.ATTRIBUTES]!, PRODUCE_VERSION);
  }

  /** Not a closure of publishSoon(): that would be one a turn. */
  private readonly publish = (): void => {
    this.publishing = false;
    for (let i = 0; i < this.mailboxes.length; i++) this.mailboxes[i]!.publish();
  };

  /** Once for all that is sent in this turn of the event loop. */
  private publishSoon(): void {
    if (this.publishing) return;
    this.publishing = true;
    microtask(this.publish);
  }
}

function limitsOf({ configs }: TopicImage, layers: BrokerLayers): TopicLimits {
  const config = effectiveTopicConfig(configs, layers);
  return {
    maxBatchBytes: config['max.message.bytes'],
    compacts: config['cleanup.policy'].includes('compact'),
    timestampSpanMs: Math.min(config['message.timestamp.before.max.ms'], config['message.timestamp.after.max.ms']),
  };
}

function refused(errorCode: number): AppendAnswer {
  return { errorCode, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1 };
}

/** As FindCoordinator does for clients: the first group of all brings its topic into being. */
function withGroupTopic(groups: GroupCoordinator, caller: Caller): GroupCoordinator {
  const ensure = async (): Promise<void> => {
    if (caller.image.topic(CONSUMER_OFFSETS_TOPIC) !== undefined) return;
    const { errorCode, errorMessage } = await caller.controller.ensureInternalTopic(CONSUMER_OFFSETS_TOPIC);
    if (errorCode !== ErrorCode.NONE) throw new CallError(errorName(errorCode), errorMessage ?? 'the topic of groups cannot be created');
  };
  const after =
    <Call, Answer>(verb: (call: Call) => Promise<Answer>) =>
    async (call: Call): Promise<Answer> => {
      await ensure();
      return verb(call);
    };
  return {
    joinGroup: after(groups.joinGroup),
    syncGroup: after(groups.syncGroup),
    heartbeat: after(groups.heartbeat),
    leaveGroup: after(groups.leaveGroup),
    commitOffsets: after(groups.commitOffsets),
    fetchOffsets: after(groups.fetchOffsets),
    deleteOffsets: after(groups.deleteOffsets),
    listGroups: after(groups.listGroups),
    describeGroup: after(groups.describeGroup),
    deleteGroup: after(groups.deleteGroup),
  };
}
