// The entry of a shard's worker thread: pins it to its core, opens its reactor, puts the shard together and answers the
// supervisor. Owner: the shard's thread. Not hot itself.
//
// An exception anywhere here ends the worker, and with it the process: the supervisor logs the cause and exits. A shard
// is never restarted inside a process, because what it owned in memory is gone.

import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../engine/base/clock.ts';
import type { BrokerSettings } from '../../engine/base/config-broker.ts';
import { loadNativeBinding } from '../../engine/io/native-binding.ts';
import { nodeFileSystem } from '../../engine/io/node-file-system.ts';
import type { ShardIdentity } from '../../engine/broker/shard-broker.ts';
import { openReactor } from '../../net/reactor/open-reactor.ts';
import type { MailHandler } from '../ring/mailbox.ts';
import { MeshEndpoint } from '../ring/mesh-endpoint.ts';
import { type RingMesh, SUPERVISOR_THREAD } from '../ring/ring-mesh.ts';
import { ControlKind, type DirectoryFailedBody, type EventBody, type ImageBody, type ListenBody, type VerbBody } from './control-kind.ts';
import { type DirectoryFacts, recoveryFacts } from './directory-facts.ts';
import { reactorOptions } from './reactor-options.ts';
import { remoteBackground, remoteController, runVerb } from './remote-verbs.ts';
import { Shard, type ShardParts } from './shard.ts';
import { shardLog } from './shard-log.ts';

/** What a worker is started with; structured-cloneable. */
export interface ShardWorkerData {
  readonly settings: BrokerSettings;
  readonly identity: ShardIdentity;
  readonly mesh: RingMesh;
  /** One listener speaks for all shards. */
  readonly single: boolean;
  /** Core to pin to; -1: none. */
  readonly core: number;
  readonly facts: ReadonlyMap<string, DirectoryFacts>;
}

const NEVER = new Promise<never>(() => undefined);

async function main(data: ShardWorkerData): Promise<void> {
  // Nothing is posted here; listening keeps the thread's loop alive while neither a socket nor a timer does.
  parentPort!.on('message', () => undefined);
  const native = loadNativeBinding();
  if (data.core >= 0) native.binding?.pinThread(data.core);
  const reactor = await openReactor(reactorOptions(data.settings.config, data.identity.shardCount, true));
  // The shard is made after the endpoint that carries its mail; nothing arrives before the first tick.
  let made: Shard | undefined;
  // Closed: what the others still ask ends with them, as what they are asked by clients does. The answer to CLOSE goes out.
  let closed = false;
  const handler: MailHandler = {
    onMessage: (mailbox, kind, at) => {
      if (!closed) made!.remote!.onMessage(mailbox, kind, at);
    },
    onControl: (_mailbox, kind, body) => (closed ? NEVER : onControl(made!, kind, body)),
    onSpace: (mailbox) => {
      if (!closed) made!.remote?.onSpace(mailbox);
    },
  };
  const { shard, shardCount } = data.identity;
  const endpoint = new MeshEndpoint(data.mesh, shard + 1, handler, {
    signal: native.binding === null ? null : (fd) => native.binding!.signal(fd),
    wakeFd: reactor.wakeFd,
    onWake: () => reactor.schedule(),
  });
  const supervisor = endpoint.mailboxes[SUPERVISOR_THREAD]!;
  const event = (body: EventBody): void => void supervisor.sendControl(ControlKind.EVENT, body);
  const parts: ShardParts = {
    settings: data.settings,
    identity: data.identity,
    reactor,
    fs: nodeFileSystem,
    clock: systemClock,
    random: Math.random,
    controller: remoteController(supervisor),
    recovery: recoveryFacts(data.facts),
    log: shardLog(event),
    background: remoteBackground(supervisor),
    peers: data.single ? { shard, shardCount, mailboxOf: (peer) => endpoint.mailboxes[peer + 1]! } : null,
    tellDirectoryFailed: (directory, errno) =>
      void supervisor.sendControl(ControlKind.DIRECTORY_FAILED, { directory, errno } satisfies DirectoryFailedBody),
    checkpointDue: () => void supervisor.sendControl(ControlKind.CHECKPOINT_DUE, null),
    drainMail: () => void endpoint.drain(),
    finishTick: () => endpoint.finishTick(),
    leaveReactor: () => {
      closed = true;
      endpoint.leaveReactor();
    },
  };
  made = new Shard(parts);
  made.start();
  reactor.schedule();
}

function onControl(shard: Shard, kind: number, body: unknown): unknown {
  switch (kind) {
    case ControlKind.READY:
      return shard.report;
    case ControlKind.IMAGE:
      shard.applyDelta((body as ImageBody).delta);
      return null;
    case ControlKind.LISTEN:
      return shard.listen(body as ListenBody);
    case ControlKind.CHECKPOINTS:
      return shard.checkpoints();
    case ControlKind.CLOSE:
      return shard.close();
    case ControlKind.PARTITIONS:
      return runVerb(shard.partitionVerbs, body as VerbBody);
    case ControlKind.DIRECTORY_FAILED: {
      const { directory, errno } = body as DirectoryFailedBody;
      shard.broker.logs.failDirectory(directory, errno);
      return null;
    }
    case ControlKind.GROUPS:
      return runVerb(shard.groups.coordinator, body as VerbBody);
    default:
      throw new Error(`unknown control message ${kind}`);
  }
}

await main(workerData as ShardWorkerData);
