// The one shard of a process without shard threads (`ringlog.shards=0`): tests and tiny tools. Owner: the calling thread.

import type { BrokerSettings } from '../../engine/base/config-broker.ts';
import { systemClock } from '../../engine/base/clock.ts';
import type { ShardIdentity } from '../../engine/broker/shard-broker.ts';
import { nodeFileSystem } from '../../engine/io/node-file-system.ts';
import type { ControllerVerbs } from '../../engine/metadata/controller-requests.ts';
import { openReactor } from '../../net/reactor/open-reactor.ts';
import type { ReactorReport } from '../../net/reactor/reactor.ts';
import type { EventBody } from '../shard/control-kind.ts';
import type { BackgroundPool } from '../background/background-pool.ts';
import { type DirectoryFacts, recoveryFacts } from '../shard/directory-facts.ts';
import { reactorOptions } from '../shard/reactor-options.ts';
import { syncDirectory } from '../shard/remote-verbs.ts';
import { Shard } from '../shard/shard.ts';
import { shardLog } from '../shard/shard-log.ts';
import type { ShardHandle } from './shard-worker.ts';

export interface LocalShard {
  readonly handle: ShardHandle;
  readonly report: ReactorReport;
  serve(controller: ControllerVerbs): void;
}

export async function openLocalShard(
  settings: BrokerSettings,
  identity: ShardIdentity,
  facts: ReadonlyMap<string, DirectoryFacts>,
  background: BackgroundPool,
  event: (body: EventBody) => void,
  checkpointDue: () => void,
  directoryFailed: (directory: string, errno: number) => void,
): Promise<LocalShard> {
  const reactor = await openReactor(reactorOptions(settings.config, identity.shardCount, false));
  let served: ControllerVerbs | undefined;
  const shard = new Shard({
    settings,
    identity,
    reactor,
    fs: nodeFileSystem,
    clock: systemClock,
    random: Math.random,
    controller: lateController(() => served),
    recovery: recoveryFacts(facts),
    log: shardLog(event),
    background: { clean: (job) => background.clean(job), syncDirectory },
    peers: null,
    tellDirectoryFailed: directoryFailed,
    checkpointDue,
    drainMail: () => undefined,
    finishTick: () => true,
    leaveReactor: () => undefined,
  });
  shard.start();
  return {
    report: reactor.report,
    serve: (controller) => void (served = controller),
    handle: {
      applyDelta: async (delta) => shard.applyDelta(delta),
      listen: (body) => shard.listen(body),
      failDirectory: (directory, errno) => shard.broker.logs.failDirectory(directory, errno),
      checkpoints: async () => shard.checkpoints(),
      close: () => shard.close(),
      end: async () => undefined,
    },
  };
}

/** A controller that is known only after the shard: every verb asks for it when it is called. */
function lateController(controller: () => ControllerVerbs | undefined): ControllerVerbs {
  return new Proxy({} as ControllerVerbs, {
    get: (_target, verb) => {
      const ready = controller();
      if (ready === undefined) throw new Error('the controller is not ready');
      const method = ready[verb as keyof ControllerVerbs] as (request: unknown) => unknown;
      return method.bind(ready);
    },
  });
}
