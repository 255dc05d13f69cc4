// The controller: the single writer of metadata. Owner: the main thread. Not hot.
//
// Every verb runs alone, one after the other: it plans against the newest image (a pure function in the verb's own file),
// the plan becomes one transaction of the store, fenced by the revisions it was planned on, and only when that is durable
// does the next image go out and the answer with it. If somebody else wrote in between, the verb is planned again.

import { assert } from '../base/assert.ts';
import { ErrorCode } from '../base/error-code.ts';
import { EMPTY_IMAGE } from './metadata-image.ts';
import { MetadataStoreFailed } from './metadata-store.ts';
import { allocateProducerIds } from './producer-ids.ts';
import { describeConfigs } from './describe-configs.ts';
import { diffImages } from './metadata-delta.ts';
import { imageAfter, packRecord, topicKey, topicRecord } from './metadata-records.ts';
import { planAlterConfigs, planIncrementalAlterConfigs } from './alter-configs.ts';
import { planAutoCreateTopics, planCreateTopics, planInternalTopic } from './create-topics.ts';
import { planCreatePartitions } from './create-partitions.ts';
import { planDeleteTopics } from './delete-topics.ts';
import { planRegistration } from './registration.ts';
import type { BrokerSettings } from '../base/config-broker.ts';
import type { ControllerView, MetadataChange, Plan } from './controller-view.ts';
import type { LogDirectoryFacts } from './metadata-records.ts';
import type { MetadataEvent, MetadataStore, Put } from './metadata-store.ts';
import type { MetadataImage } from './metadata-image.ts';
import type { RegistrationReport } from './registration.ts';
import type { UuidSource } from '../base/uuid.ts';
import type * as Requests from './controller-requests.ts';

export interface ControllerOptions {
  /** Holds the cluster's identity already: see cluster-identity.ts. */
  readonly store: MetadataStore;
  readonly settings: BrokerSettings;
  readonly uuids: UuidSource;
  /** The log directories that are mounted. */
  readonly directories: readonly LogDirectoryFacts[];
}

export interface ProcessRegistration {
  /** What clients are told: one node a shard, or one for all. */
  readonly nodes: readonly Requests.NodeRegistration[];
  /** Node id of shard i at i; its length is the number of shards. */
  readonly shardNodeIds: readonly number[];
}

/** Losing this often against another writer is no race any more. */
const ATTEMPTS_MAX = 100;

export class Controller implements Requests.ControllerVerbs {
  private readonly store: MetadataStore;
  private readonly settings: BrokerSettings;
  private readonly uuids: UuidSource;
  private directories: readonly LogDirectoryFacts[];
  private readonly listeners = new Set<Requests.ImageListener>();
  private readonly modRevisions = new Map<string, number>();
  private current: MetadataImage = EMPTY_IMAGE;
  private shardNodeIds: readonly number[] = [];
  private lastJob: Promise<unknown> = Promise.resolve();

  private constructor(options: ControllerOptions) {
    this.store = options.store;
    this.settings = options.settings;
    this.uuids = options.uuids;
    this.directories = options.directories;
  }

  /** Reads all metadata. Nothing but register() may be asked before it was. */
  static async open(options: ControllerOptions): Promise<Controller> {
    const controller = new Controller(options);
    await controller.reload();
    return controller;
  }

  /** The newest durable metadata. */
  get image(): MetadataImage {
    return this.current;
  }

  /** From now on; a snapshot to start from is diffImages(EMPTY_IMAGE, controller.image). Returns how to stop. */
  subscribe(listener: Requests.ImageListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Once at start, when the ports are bound: nodes are known and every partition has a shard that exists. */
  async register(registration: ProcessRegistration): Promise<RegistrationReport> {
    const { nodes, shardNodeIds } = registration;
    assert(shardNodeIds.length > 0, 'a process has a shard');
    for (const nodeId of shardNodeIds)
      assert(
        nodes.some((node) => node.nodeId === nodeId),
        'a shard belongs to a node',
        nodeId,
      );
    this.shardNodeIds = shardNodeIds;
    const [report] = await this.change((view) => {
      const plan = planRegistration(view, nodes);
      return { results: [plan.report], changes: plan.changes };
    });
    return report!;
  }

  createTopics(request: Requests.CreateTopicsRequest): Promise<Requests.CreateTopicResult[]> {
    return this.answered((view) => planCreateTopics(view, request));
  }

  autoCreateTopics(names: readonly string[]): Promise<Requests.CreateTopicResult[]> {
    return this.answered((view) => planAutoCreateTopics(view, names));
  }

  async ensureInternalTopic(name: string): Promise<Requests.CreateTopicResult> {
    const [result] = await this.answered((view) => planInternalTopic(view, name));
    return result!;
  }

  deleteTopics(request: Requests.DeleteTopicsRequest): Promise<Requests.DeleteTopicResult[]> {
    return this.answered((view) => planDeleteTopics(view, request));
  }

  createPartitions(request: Requests.CreatePartitionsRequest): Promise<Requests.CreatePartitionsResult[]> {
    return this.answered((view) => planCreatePartitions(view, request));
  }

  incrementalAlterConfigs(request: Requests.IncrementalAlterConfigsRequest): Promise<Requests.AlterConfigsResult[]> {
    return this.answered((view) => planIncrementalAlterConfigs(view, request));
  }

  alterConfigs(request: Requests.AlterConfigsRequest): Promise<Requests.AlterConfigsResult[]> {
    return this.answered((view) => planAlterConfigs(view, request));
  }

  describeConfigs(request: Requests.DescribeConfigsRequest): Promise<Requests.DescribeConfigsResult[]> {
    return Promise.resolve(describeConfigs(this.settings, this.current, request));
  }

  allocateProducerIds(): Promise<Requests.ProducerIdBlock> {
    return this.alone(() => allocateProducerIds(this.store));
  }

  /** That log directory failed: its partitions have no leader and nothing new is placed there, until a restart finds it well. */
  async unmount(path: string): Promise<void> {
    await this.alone(() => {
      this.directories = this.directories.filter((directory) => directory.path !== path);
      return this.reload();
    });
  }

  /** Resolves when everything asked before is answered. */
  async settle(): Promise<void> {
    await this.alone(() => Promise.resolve());
  }

  /** As change; where the store has no room, each item that would have changed something is refused. */
  private async answered<Result extends Requests.ItemResult>(plan: (view: ControllerView) => Plan<Result>): Promise<Result[]> {
    try {
      return await this.change(plan);
    } catch (error) {
      if (!(error instanceof MetadataStoreFailed)) throw error;
      const failed = { errorCode: ErrorCode.KAFKA_STORAGE_ERROR, errorMessage: `${error.message}: ${String(error.cause)}` };
      return plan(this.view()).results.map((result) => (result.errorCode === ErrorCode.NONE ? { ...result, ...failed } : result));
    }
  }

  private change<Result>(plan: (view: ControllerView) => Plan<Result>): Promise<Result[]> {
    return this.alone(async () => {
      for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        const { results, changes } = plan(this.view());
        if (changes.length === 0 || (await this.commit(changes))) return [...results];
        await this.reload();
      }
      throw new MetadataStoreFailed(`another writer was quicker ${ATTEMPTS_MAX} times`);
    });
  }

  /** One job at a time, in the order asked; a job that fails fails alone. */
  private alone<Result>(job: () => Promise<Result>): Promise<Result> {
    const run = this.lastJob.then(job);
    this.lastJob = run.catch(() => undefined);
    return run;
  }

  private view(): ControllerView {
    assert(this.shardNodeIds.length > 0, 'the process is registered before it is asked');
    const { current: image, settings, shardNodeIds, directories, uuids } = this;
    return { image, settings, shardNodeIds, directories, uuids };
  }

  /** False: planned on metadata that is not the newest; nothing changed. */
  private async commit(changes: readonly MetadataChange[]): Promise<boolean> {
    const puts = changes.flatMap((change) => this.putOf(change));
    const deletes = changes.flatMap(deletedKeyOf);
    const keys = [...puts.map(({ key }) => key), ...deletes];
    const compares = keys.map((key) => ({ key, modRevision: this.modRevisions.get(key) ?? 0 }));
    const { ok, revision } = await this.store.transaction({ compares, puts, deletes });
    if (!ok) return false;
    const events: MetadataEvent[] = [
      ...puts.map(({ key, value }) => ({ kind: 'put' as const, item: { key, value, modRevision: revision } })),
      ...deletes.map((key) => ({ kind: 'delete' as const, key, modRevision: revision })),
    ];
    for (const { key } of puts) this.modRevisions.set(key, revision);
    for (const key of deletes) this.modRevisions.delete(key);
    this.publish(imageAfter(this.current, revision, events, this.directories));
    return true;
  }

  private putOf(change: MetadataChange): Put[] {
    if (change.kind === 'put-record') return [{ key: change.key, value: packRecord(change.record) }];
    if (change.kind !== 'put-topic') return [];
    return [{ key: topicKey(change.topic.name), value: packRecord(topicRecord(change.topic, this.shardNodeIds)) }];
  }

  private async reload(): Promise<void> {
    const { revision, items } = await this.store.range('');
    this.modRevisions.clear();
    for (const { key, modRevision } of items) this.modRevisions.set(key, modRevision);
    const events = items.map((item) => ({ kind: 'put' as const, item }));
    this.publish(imageAfter(EMPTY_IMAGE, revision, events, this.directories));
  }

  private publish(next: MetadataImage): void {
    const before = this.current;
    this.current = next;
    if (this.listeners.size === 0) return;
    const delta = diffImages(before, next);
    for (const listener of this.listeners) listener(next, delta);
  }
}

function deletedKeyOf(change: MetadataChange): string[] {
  if (change.kind === 'delete-topic') return [topicKey(change.name)];
  return change.kind === 'delete-key' ? [change.key] : [];
}
