// All shards of the process, on threads of their own or on the calling one (`ringlog.shards=0`), and the rings that join
// them. Owner: the supervisor's thread. Not hot.

import type { ListenerMode } from '../../engine/base/config-listeners.ts';
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
import type { DirectoryFacts } from '../shard/directory-facts.ts';
import { runVerb } from '../shard/remote-verbs.ts';
import type { BrokerLog } from './broker-log.ts';
import { openLocalShard } from './local-shard.ts';
import { type ShardHandle, ShardWorker } from './shard-worker.ts';

export interface FleetOptions {
  readonly settings: BrokerSettings;
  readonly log: BrokerLog;
  readonly background: BackgroundPool;
  readonly onDeath: (cause: Error) => void;
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
  readonly shardCount: number;
  readonly cores: readonly number[];
  readonly report: ReactorReport;
  /** From now on the shards' calls to the controller are answered by `controller`. */
  serve(controller: ControllerVerbs): void;
  /** After a clean stop of the shards: let go of the rings. */
  close(): void;
  /** The start failed: end the threads as they are. */
  abandon(): Promise<void>;
}

export async function openShards(options: FleetOptions, plan: FleetPlan, facts: ReadonlyMap<string, DirectoryFacts>): Promise<ShardFleet> {
  return plan.shardCount === 0 ? openLocalFleet(options, plan, facts) : openWorkerFleet(options, plan, facts);
}

async function openLocalFleet(
  { settings, log, background, checkpointDue, onDirectoryFailed }: FleetOptions,
  plan: FleetPlan,
  facts: ReadonlyMap<string, DirectoryFacts>,
): Promise<ShardFleet> {
  const event = ({ level, message, detail }: EventBody): void => log[level](message, detail);
  const local = await openLocalShard(settings, plan.identities[0]!, facts, background, event, checkpointDue, onDirectoryFailed);
  return {
    shards: [local.handle],
    shardCount: 0,
    cores: [],
    report: local.report,
    serve: (controller) => local.serve(controller),
    close: () => undefined,
    abandon: async () => void (await local.handle.close()),
  };
}

async function openWorkerFleet(options: FleetOptions, plan: FleetPlan, facts: ReadonlyMap<string, DirectoryFacts>): Promise<ShardFleet> {
  const mesh = createRingMesh({ threads: plan.shardCount + 1 });
  const native = loadNativeBinding().binding;
  let controller: ControllerVerbs | undefined;
  const handler: MailHandler = {
    onMessage: () => undefined,
    onSpace: () => undefined,
    onControl: (_mailbox, kind, body) => {
      if (kind === ControlKind.CONTROLLER) {
        if (controller === undefined) throw new Error('the controller is not ready');
        return runVerb(controller, body as VerbBody);
      }
      if (kind === ControlKind.CHECKPOINT_DUE) {
        options.checkpointDue();
        return null;
      }
      if (kind === ControlKind.DIRECTORY_FAILED) {
        const { directory, errno } = body as DirectoryFailedBody;
        options.onDirectoryFailed(directory, errno);
        return null;
      }
      if (kind === ControlKind.CLEAN) return options.background.clean(body as CleanJob);
      if (kind !== ControlKind.EVENT) throw new Error(`unknown control message ${kind}`);
      const { level, message, detail } = body as EventBody;
      options.log[level](message, detail);
      return null;
    },
  };
  const signal = native === null ? null : (fd: number) => native.signal(fd);
  const endpoint = new MeshEndpoint(mesh, SUPERVISOR_THREAD, handler, { signal, wakeFd: -1 });
  endpoint.runOnLoop();
  const workers = plan.identities.map((identity) => {
    const core = plan.cores[identity.shard] ?? -1;
    const data = { settings: options.settings, identity, mesh, core, facts, single: plan.mode === 'single' };
    return new ShardWorker(data, endpoint.mailboxes[identity.shard + 1]!, options.onDeath);
  });
  const [report] = await Promise.all(workers.map((worker) => worker.ready()));
  return {
    shards: workers,
    shardCount: plan.shardCount,
    cores: plan.cores,
    report: report!,
    serve: (verbs) => void (controller = verbs),
    close: () => endpoint.close('the broker stops'),
    abandon: async () => {
      await Promise.all(workers.map((worker) => worker.end()));
      endpoint.close('the broker did not start');
    },
  };
}
