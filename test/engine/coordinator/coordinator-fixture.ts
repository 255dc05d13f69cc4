// A group coordinator over a log in memory, with time that stands until it is moved and ids that can be told in advance.
import { parseBrokerConfig } from '../../../src/engine/base/config-broker.ts';
import type { BrokerConfig } from '../../../src/engine/base/config-schema.ts';
import { uuidSource } from '../../../src/engine/base/uuid.ts';
import type { JoinGroupAnswer, JoinGroupCall, SyncGroupAnswer } from '../../../src/engine/coordinator/group-coordinator.ts';
import { LocalGroupCoordinator } from '../../../src/engine/coordinator/local-group-coordinator.ts';
import {
  AppendRefused,
  type CoordinatorRecord,
  type PartitionReader,
  type PartitionWriter,
} from '../../../src/engine/coordinator/partition-log.ts';
import { TimingWheel } from '../../../src/engine/purgatory/timing-wheel.ts';
import { buildBatch } from '../../../src/engine/record/batch-builder.ts';

/** What happens to the next appends. */
export type LogMood = 'commit' | 'hold' | { readonly refuse: number };

interface Held {
  readonly records: readonly CoordinatorRecord[];
  resolve(): void;
  reject(reason: unknown): void;
}

/** Commits at once, later on command, or not at all. */
export class MemoryPartitionLog implements PartitionWriter, PartitionReader {
  readonly batches: Uint8Array[] = [];
  readonly records: CoordinatorRecord[] = [];
  mood: LogMood = 'commit';
  private held: Held[] = [];

  append(records: readonly CoordinatorRecord[]): Promise<void> {
    if (typeof this.mood === 'object') return Promise.reject(new AppendRefused(this.mood.refuse));
    // Its place in the log is taken at the call, as in a real one.
    this.batches.push(buildBatch(records, { timestampMs: 0 }));
    this.records.push(...records);
    if (this.mood === 'commit') return Promise.resolve();
    return new Promise((resolve, reject) => this.held.push({ records, resolve, reject }));
  }

  async read(visit: (batchBytes: Uint8Array) => void): Promise<void> {
    for (const batch of this.batches) {
      await Promise.resolve();
      visit(batch);
    }
  }

  get heldCount(): number {
    return this.held.length;
  }

  /** What was held is committed, and so is what comes. */
  release(): void {
    const held = this.held;
    this.held = [];
    this.mood = 'commit';
    for (const one of held) one.resolve();
  }
}

function brokerConfig(settings: Readonly<Record<string, string>> = {}): BrokerConfig {
  const parsed = parseBrokerConfig(Object.entries(settings).map(([name, value]) => ({ name, value, from: 'test' })));
  if (!parsed.ok) throw new Error(parsed.errors.join('\n'));
  return parsed.settings.config;
}

/** Lets everything happen that needs no time. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await Promise.resolve();
}

/** A promise whose outcome can be looked at. */
export class Watched<T> {
  value: T | undefined = undefined;
  settled = false;
  readonly promise: Promise<T>;

  constructor(promise: Promise<T>) {
    this.promise = promise;
    void promise.then((value) => {
      this.value = value;
      this.settled = true;
    });
  }

  get got(): T {
    if (!this.settled) throw new Error('still parked');
    return this.value!;
  }
}

export interface JoinOptions extends Partial<JoinGroupCall> {
  readonly protocolNames?: readonly string[];
  readonly metadataText?: string;
}

export class CoordinatorFixture {
  nowMs = 1_000;
  wallMs = 1_700_000_000_000;
  readonly wheel = new TimingWheel(this.nowMs);
  readonly config: BrokerConfig;
  log = new MemoryPartitionLog();
  coordinator: LocalGroupCoordinator;
  partitionCount = 1;
  topicPartitionExists = (topic: string, partition: number): boolean => topic.startsWith('t') && partition < 4;
  private ids = 0;

  constructor(settings: Readonly<Record<string, string>> = {}) {
    this.config = brokerConfig({ 'group.initial.rebalance.delay.ms': '0', ...settings });
    this.coordinator = this.newCoordinator();
  }

  static async started(settings: Readonly<Record<string, string>> = {}): Promise<CoordinatorFixture> {
    const fixture = new CoordinatorFixture(settings);
    await fixture.load();
    return fixture;
  }

  private newCoordinator(): LocalGroupCoordinator {
    const random = (sizeBytes: number): Uint8Array => {
      const bytes = new Uint8Array(sizeBytes);
      new DataView(bytes.buffer).setUint32(sizeBytes - 4, ++this.ids);
      return bytes;
    };
    return new LocalGroupCoordinator({
      config: this.config,
      wheel: this.wheel,
      clock: { nowMs: () => this.nowMs, wallMs: () => this.wallMs },
      uuids: uuidSource(random),
      partitionCount: () => this.partitionCount,
      topicPartitionExists: (topic, partition) => this.topicPartitionExists(topic, partition),
    });
  }

  async load(): Promise<void> {
    for (let i = 0; i < this.partitionCount; i++) await this.coordinator.loadPartition(i, this.log, this.log);
  }

  /** A new process reads the log of the old one. */
  async restart(): Promise<void> {
    for (let i = 0; i < this.partitionCount; i++) this.coordinator.unloadPartition(i);
    this.coordinator = this.newCoordinator();
    await this.load();
  }

  async advance(ms: number): Promise<void> {
    this.nowMs += ms;
    this.wallMs += ms;
    this.wheel.advance(this.nowMs);
    await settle();
  }

  /** Step by step, so that what fires can arm anew. */
  async advanceInSteps(ms: number, stepMs: number): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) await this.advance(Math.min(stepMs, left));
  }

  join(memberId: string, options: JoinOptions = {}): Watched<JoinGroupAnswer> {
    const { protocolNames = ['range'], metadataText = 'm', ...rest } = options;
    return new Watched(
      this.coordinator.joinGroup({
        groupId: 'g',
        memberId,
        groupInstanceId: null,
        clientId: 'c',
        clientHost: '/127.0.0.1',
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 30_000,
        protocolType: 'consumer',
        protocols: protocolNames.map((name) => ({ name, metadata: Buffer.from(metadataText) })),
        memberIdRequired: false,
        canSkipAssignment: true,
        ...rest,
      }),
    );
  }

  sync(
    memberId: string,
    generationId: number,
    assignments: Readonly<Record<string, string>> = {},
    more: object = {},
  ): Watched<SyncGroupAnswer> {
    return new Watched(
      this.coordinator.syncGroup({
        groupId: 'g',
        generationId,
        memberId,
        groupInstanceId: null,
        protocolType: null,
        protocolName: null,
        assignments: Object.entries(assignments).map(([id, text]) => ({ memberId: id, assignment: Buffer.from(text) })),
        ...more,
      }),
    );
  }

  async heartbeat(memberId: string, generationId: number, groupInstanceId: string | null = null): Promise<number> {
    return (await this.coordinator.heartbeat({ groupId: 'g', memberId, generationId, groupInstanceId })).errorCode;
  }

  async leave(memberId: string, groupInstanceId: string | null = null): Promise<number> {
    const { errorCode, members } = await this.coordinator.leaveGroup({ groupId: 'g', members: [{ memberId, groupInstanceId }] });
    return errorCode !== 0 ? errorCode : members[0]!.errorCode;
  }

  async commit(offset: number, more: object = {}): Promise<number> {
    const answer = await this.coordinator.commitOffsets(this.commitCall(offset, more));
    return answer.topics[0]!.partitions[0]!.errorCode;
  }

  commitCall(offset: number, more: object = {}) {
    return {
      groupId: 'g',
      generationId: -1,
      memberId: '',
      groupInstanceId: null,
      retentionTimeMs: -1,
      tellsGroupNotFound: false,
      topics: [{ name: 't', partitions: [{ partition: 0, offset, leaderEpoch: 3, metadata: 'note' as string | null }] }],
      ...more,
    };
  }

  async committed(topic = 't', partition = 0, groupId = 'g'): Promise<number> {
    const answer = await this.coordinator.fetchOffsets({
      groupId,
      topics: [{ name: topic, partitions: [partition] }],
      requireStable: true,
    });
    return answer.topics[0]!.partitions[0]!.offset;
  }

  async stateOf(groupId = 'g'): Promise<string> {
    return (await this.coordinator.describeGroup({ groupId })).state;
  }

  /** A group of one member, Stable, with assignment 'a1'. @returns its id; the generation is 1 */
  async stableMember(options: JoinOptions = {}): Promise<string> {
    const join = this.join('', options);
    await settle();
    const { memberId, generationId } = join.got;
    const sync = this.sync(memberId, generationId, { [memberId]: 'a1' }, { groupInstanceId: options.groupInstanceId ?? null });
    await settle();
    if (sync.got.errorCode !== 0) throw new Error(`sync failed with ${sync.got.errorCode}`);
    return memberId;
  }
}

export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
