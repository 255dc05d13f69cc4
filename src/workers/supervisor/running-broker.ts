// A broker that runs: periodic checkpoints, and a clean stop. Owner: the thread that started it, usually the main thread.
// Not hot: no record passes through here.

import type { ListenerMode } from '../../engine/base/config-listeners.ts';
import { errnoOf, isPassing } from '../../engine/io/disk-error.ts';
import type { ControllerVerbs } from '../../engine/metadata/controller-requests.ts';
import type { MetadataStore } from '../../engine/metadata/metadata-store.ts';
import type { ReactorReport } from '../../net/reactor/reactor.ts';
import type { Caller } from '../caller/caller.ts';
import type { MetadataImage } from '../../engine/metadata/metadata-image.ts';
import { type BrokerReading, readBroker } from '../../engine/metadata/broker-reading.ts';
import type { BackgroundPool } from '../background/background-pool.ts';
import type { BrokerLog } from './broker-log.ts';
import type { GuestPlaces } from './guest-places.ts';
import type { HttpEngineFacts } from '../../net/http/http-engine.ts';
import type { HttpFace } from './http-face.ts';
import type { LogDirectories } from './log-directories.ts';
import type { OfflineDirectories } from './offline-directories.ts';
import type { CheckpointReport } from '../shard/control-kind.ts';
import type { ShardHandle } from './shard-handle.ts';

/** What a started broker says of itself. */
export interface BrokerFacts {
  readonly clusterId: string;
  /** Null: no HTTP. */
  readonly httpPort: number | null;
  readonly httpEngine: HttpEngineFacts | null;
  /** One a node, as clients are told. */
  readonly addresses: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
  readonly mode: ListenerMode;
  /** 0: in the calling thread. */
  readonly shardCount: number;
  readonly cores: readonly number[];
  readonly partitions: number;
  readonly reactor: ReactorReport;
  /** An acks=all answer means that the records are on the disk (ringlog.fsync=before-ack). */
  readonly syncsBeforeAck: boolean;
}

export interface RunningBrokerParts {
  readonly facts: BrokerFacts;
  readonly controller: ControllerVerbs;
  readonly caller: Caller;
  readonly guests: GuestPlaces;
  readonly shards: readonly ShardHandle[];
  /** Of shard i at i. */
  readonly counters: readonly SharedArrayBuffer[];
  readonly image: () => MetadataImage;
  readonly directories: LogDirectories;
  readonly offline: OfflineDirectories;
  readonly store: MetadataStore;
  readonly background: BackgroundPool;
  readonly http: HttpFace | null;
  /** Lets go of what joins the threads. */
  readonly closeMesh: () => void;
  readonly checkpointIntervalMs: number;
  readonly log: BrokerLog;
}

export class RunningBroker {
  readonly facts: BrokerFacts;
  readonly controller: ControllerVerbs;
  /** The way in for whoever is no Kafka connection: the embedded API, gateways. */
  readonly caller: Caller;
  /** Ways in for threads of the user's. */
  readonly guests: GuestPlaces;
  private readonly parts: RunningBrokerParts;
  private readonly timer: NodeJS.Timeout;
  private stopping: Promise<void> | null = null;
  private checkpointing: Promise<void> | null = null;

  constructor(parts: RunningBrokerParts) {
    this.facts = parts.facts;
    this.controller = parts.controller;
    this.caller = parts.caller;
    this.guests = parts.guests;
    this.parts = parts;
    this.timer = setInterval(() => this.checkpointSoon(), parts.checkpointIntervalMs);
  }

  /** What the broker's numbers are now; costs the shards nothing. */
  read(): BrokerReading {
    return readBroker(this.parts.counters, this.parts.image(), Date.now());
  }

  /** Stop cleanly: every acked record is on the disk and the next start scans nothing. */
  stop(): Promise<void> {
    this.stopping ??= this.shutDown();
    return this.stopping;
  }

  /** Bring the checkpoints up to date; while that goes on, more wishes for it count as heard. */
  checkpointSoon(): void {
    if (this.stopping !== null) return;
    this.checkpointing ??= this.checkpoint().finally(() => (this.checkpointing = null));
  }

  /**
   * A shard is gone: end the other threads as they are and write nothing more. The directories stay marked as not cleanly
   * stopped. `closeShards`: shards on this thread close first; they would keep what they hold, which threads take with them.
   */
  abandon(reason: string, closeShards = false): Promise<void> {
    clearInterval(this.timer);
    this.stopping ??= this.drop(reason, closeShards);
    return this.stopping;
  }

  private async shutDown(): Promise<void> {
    const { shards, background, caller, closeMesh, directories, store } = this.parts;
    clearInterval(this.timer);
    await caller.close('the broker stops');
    await this.parts.http?.close();
    // An older checkpoint must not come after the last one.
    if (this.checkpointing !== null) await this.checkpointing;
    // One that cannot store its logs keeps no other from storing its own.
    const closed = await Promise.allSettled(shards.map((shard) => shard.close()));
    await background.close();
    const failed = closed.find((one) => one.status === 'rejected');
    if (failed !== undefined) {
      await this.letGo();
      throw failed.reason;
    }
    const last = closed.map((one) => (one as PromiseFulfilledResult<CheckpointReport>).value);
    // A shard writes batches from another's receive memory and sends from another's files: none goes before all are done.
    await Promise.all(shards.map((shard) => shard.end()));
    closeMesh();
    await directories.writeCheckpoints(last, (path, error) => this.checkpointFailed(path, error));
    await store.close();
    directories.writeCleanMarkers(last, (path, error) =>
      this.parts.log.error(`${path} is not marked as cleanly stopped: ${String(error)}`),
    );
    directories.unlock();
  }

  private async drop(reason: string, closeShards: boolean): Promise<void> {
    const { background, caller, http, shards } = this.parts;
    await caller.lose(reason);
    if (closeShards) await Promise.allSettled(shards.map((shard) => shard.close()));
    await Promise.allSettled([background.close(), http?.close()]);
    await this.letGo();
  }

  /** Without a checkpoint, and without the mark of a clean stop. */
  private async letGo(): Promise<void> {
    const { shards, closeMesh, directories, store } = this.parts;
    await Promise.allSettled(shards.map((shard) => shard.end()));
    closeMesh();
    await store.close().catch(() => undefined);
    directories.unlock();
  }

  /** A full disk is tried again; a start after a crash only scans more. Anything else is a disk that fails. */
  private checkpointFailed(path: string, error: unknown): void {
    const { offline, log } = this.parts;
    if (isPassing(errnoOf(error))) log.warn(`checkpoints of ${path} were not written: ${(error as Error).message}`);
    else offline.fail(path, `its checkpoints cannot be written: ${(error as Error).message}`, errnoOf(error));
  }

  private async checkpoint(): Promise<void> {
    const { shards, directories, log } = this.parts;
    try {
      const reports = await Promise.all(shards.map((shard) => shard.checkpoints()));
      if (this.stopping === null) await directories.writeCheckpoints(reports, (path, error) => this.checkpointFailed(path, error));
    } catch (error) {
      // The next round tries again; a start after a crash only scans more.
      if (this.stopping === null) log.warn(`checkpoints were not written: ${(error as Error).message}`);
    }
  }
}
