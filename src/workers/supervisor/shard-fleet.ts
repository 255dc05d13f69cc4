// All shards of the process, on threads of their own or on the calling one (`ringlog.shards=0`), and the rings that join
// them. Owner: the supervisor's thread. Not hot.

import { useNativeCrc32c } from '../../engine/base/crc32c.ts';
import type { ListenerMode } from '../../engine/base/config-listeners.ts';
import { allocateCounters } from '../../engine/base/counter-layout.ts';
import type { BrokerSettings } from '../../engine/base/config-broker.ts';
import type { ShardIdentity } from '../../engine/broker/shard-broker.ts';
import { loadNativeBinding } from '../../engine/io/native-binding.ts';
import type { ControllerVerbs } from '../../engine/metadata/controller-requests.ts';
import type { CleanJob } from '../../engine/log/cleaner/clean-job.ts';
import type { ReactorReport } from '../../net/reactor/reactor.ts';
import type { MailHandler } from '../ring/mailbox.ts';
import { MeshEndpoint } from '../ring/mesh-endpoint.ts';
import { createRingMesh, SUPERVISOR_THREAD } from '../ring/ring-mesh.ts';
import { ControlKind, type DirectoryFailedBody, type EventBody, type VerbBody } from '../shard/control-kind.ts';
import type { BackgroundPool } from '../background/background-pool.ts';
import { Caller } from '../caller/caller.ts';
import type { DirectoryFacts } from '../shard/directory-facts.ts';
import type { ShardEnvironment } from '../shard/shard-environment.ts';
import { runVerb } from '../shard/remote-verbs.ts';
import type { BrokerLog } from './broker-log.ts';
import { GuestPlaces } from './guest-places.ts';
import { ShardHandle } from './shard-handle.ts';
import { hostShardHere, startShardThread } from './shard-thread.ts';

/** Address space: pages are taken as they are used. */
const GUEST_ARENA_BYTES = 16 * 1024 * 1024;

export interface FleetOptions {
  readonly settings: BrokerSettings;
  readonly log: BrokerLog;
  readonly background: BackgroundPool;
  /** Of a shard on the calling thread; null: the machine. */
  readonly environment: ShardEnvironment | null;
  readonly onDeath: (cause: Error) => void;
  /** Memory for what an embedded caller has in flight. */
  readonly callerArenaBytes: number;
  /** Threads of the user's that may write. */
  readonly guests: number;
  /** A shard's recovery points have fallen behind. */
  readonly checkpointDue: () => void;
  /** A shard found that directory failing. */
  readonly onDirectoryFailed: (directory: string, errno: number) => void;
}

export interface FleetPlan {
  /** Threads; 0: one shard on the calling thread. */
  readonly shardCount: number;
  /** Core of shard i at i; empty when nothing is pinned. */
  readonly cores: readonly number[];
  readonly identities: readonly ShardIdentity[];
  readonly mode: ListenerMode;
}

export interface ShardFleet {
  readonly shards: readonly ShardHandle[];
  /** Of shard i at i: read them with readShard(). */
  readonly counters: readonly SharedArrayBuffer[];
  readonly shardCount: number;
  readonly cores: readonly number[];
  readonly report: ReactorReport;
  /** The way to the shards for whoever is no Kafka connection. */
  readonly caller: Caller;
  readonly guests: GuestPlaces;
  /** From now on the shards' calls to the controller are answered by `controller`. */
  serve(controller: ControllerVerbs): void;
  /** After a clean stop of the shards: let go of the rings. */
  close(): void;
  /** The start failed: end the threads as they are. */
  abandon(): Promise<void>;
}

export async function openShards(options: FleetOptions, plan: FleetPlan, facts: ReadonlyMap<string, DirectoryFacts>): Promise<ShardFleet> {
  const { settings, onDeath } = options;
  const here = plan.shardCount === 0;
  const { callerArenaBytes, guests } = options;
  const threads = plan.identities.length + 1;
  const mesh = createRingMesh({ threads, callerArenaBytes, guests, guestArenaBytes: GUEST_ARENA_BYTES });
  const native = loadNativeBinding().binding;
  // For the batches that are made on this thread.
  if (native !== null && settings.config['ringlog.reactor'] !== 'portable') useNativeCrc32c(native.crc32c);
  let controller: ControllerVerbs | undefined;
  let caller: Caller | undefined;
  const handler: MailHandler = {
    onMessage: (mailbox, kind, at) => caller!.onMessage(mailbox, kind, at),
    onSpace: (mailbox) => caller!.onSpace(mailbox),
    onControl: (_mailbox, kind, body) => answer(options, controller, kind, body),
  };
  const signal = native === null ? null : (fd: number) => native.signal(fd);
  const endpoint = new MeshEndpoint(mesh, SUPERVISOR_THREAD, handler, { signal, wakeFd: -1 });
  caller = new Caller(endpoint, mesh.callerArenas[SUPERVISOR_THREAD]!, plan.identities.length, options.environment?.fs ?? null);
  endpoint.runOnLoop();
  const counters = plan.identities.map(() => allocateCounters());
  const shards = plan.identities.map((identity) => {
    const core = here ? -1 : (plan.cores[identity.shard] ?? -1);
    const seed = { settings, identity, mesh, core, facts, counters: counters[identity.shard]!, single: plan.mode === 'single' };
    const start = (died: (cause: Error) => void) =>
      here ? hostShardHere(seed, options.environment, endpoint, died) : startShardThread(seed, died);
    return new ShardHandle(endpoint.mailboxes[identity.shard + 1]!, start, onDeath);
  });
  const abandon = async (): Promise<void> => {
    if (here) await shards[0]!.close().catch(() => undefined);
    await Promise.all(shards.map((shard) => shard.end()));
    endpoint.close('the broker did not start');
  };
  const reports = await Promise.all(shards.map((shard) => shard.ready())).catch(async (error: unknown) => {
    await abandon();
    throw error;
  });
  return {
    shards,
    counters,
    shardCount: plan.shardCount,
    cores: here ? [] : plan.cores,
    report: reports[0]!,
    caller,
    guests: new GuestPlaces(mesh, threads, caller),
    serve: (verbs) => void (controller = verbs),
    close: () => endpoint.close('the broker stops'),
    abandon,
  };
}

/** What a shard tells or asks the supervisor. */
function answer(options: FleetOptions, controller: ControllerVerbs | undefined, kind: number, body: unknown): unknown {
  switch (kind) {
    case ControlKind.CONTROLLER:
      if (controller === undefined) throw new Error('the controller is not ready');
      return runVerb(controller, body as VerbBody);
    case ControlKind.CHECKPOINT_DUE:
      options.checkpointDue();
      return null;
    case ControlKind.DIRECTORY_FAILED: {
      const { directory, errno } = body as DirectoryFailedBody;
      options.onDirectoryFailed(directory, errno);
      return null;
    }
    case ControlKind.CLEAN:
      return options.background.clean(body as CleanJob);
    case ControlKind.EVENT: {
      const { level, message, detail } = body as EventBody;
      options.log[level](message, detail);
      return null;
    }
    default:
      throw new Error(`unknown control message ${kind}`);
  }
}
