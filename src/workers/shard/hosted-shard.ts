// One shard in its place among the threads: its reactor, its end of the rings, and what the supervisor may ask of it.
// Owner: the thread it was opened on, a worker's or the supervisor's own (`ringlog.shards=0`). Not hot itself.

import { systemClock } from '../../engine/base/clock.ts';
import type { BrokerSettings } from '../../engine/base/config-broker.ts';
import type { ShardIdentity } from '../../engine/broker/shard-broker.ts';
import { loadNativeBinding } from '../../engine/io/native-binding.ts';
import { nodeFileSystem } from '../../engine/io/node-file-system.ts';
import { openFiles } from '../../engine/io/open-files.ts';
import { openReactor } from '../../net/reactor/open-reactor.ts';
import type { MailHandler } from '../ring/mailbox.ts';
import { MeshEndpoint } from '../ring/mesh-endpoint.ts';
import { type RingMesh, SUPERVISOR_THREAD } from '../ring/ring-mesh.ts';
import { ControlKind, type DirectoryFailedBody, type EventBody, type ImageBody, type ListenBody, type VerbBody } from './control-kind.ts';
import { type DirectoryFacts, recoveryFacts } from './directory-facts.ts';
import { reactorOptions } from './reactor-options.ts';
import { remoteBackground, remoteController, runVerb } from './remote-verbs.ts';
import { Shard } from './shard.ts';
import type { ShardEnvironment } from './shard-environment.ts';
import { shardLog } from './shard-log.ts';

/** What a shard is opened with; structured-cloneable. */
export interface ShardSeed {
  readonly settings: BrokerSettings;
  readonly identity: ShardIdentity;
  readonly mesh: RingMesh;
  /** One listener speaks for all shards. */
  readonly single: boolean;
  /** Core to pin to; -1: none. */
  readonly core: number;
  readonly facts: ReadonlyMap<string, DirectoryFacts>;
  readonly counters: SharedArrayBuffer;
}

/**
 * From now on its mail is answered. `ownsThread`: the thread is there for this shard alone.
 * @param environment what it stands on, when that is not the machine itself
 * @returns its end of the rings, to be closed when the shard has closed and the thread lives on
 */
export async function hostShard(seed: ShardSeed, ownsThread: boolean, environment: ShardEnvironment | null = null): Promise<MeshEndpoint> {
  const native = loadNativeBinding();
  const { shard, shardCount } = seed.identity;
  const bounds = reactorOptions(seed.settings.config, shardCount, ownsThread);
  const reactor = environment === null ? await openReactor(bounds) : environment.openReactor(bounds);
  // An environment knows by itself what is open there.
  const files = environment === null ? openFiles(nodeFileSystem) : null;
  // The shard is made after the endpoint that carries its mail; nothing arrives before the first tick.
  let made: Shard | undefined;
  // Closed: what the others still ask ends with them, as what they are asked by clients does. The answer to CLOSE goes out.
  let closed = false;
  const handler: MailHandler = {
    onMessage: (mailbox, kind, at) => {
      if (!closed) made!.onMessage(mailbox, kind, at);
    },
    onControl: (_mailbox, kind, body) => {
      if (kind === ControlKind.END) return files?.closeAll();
      // Not one promise for all: what waits on it would keep every shard there was.
      return closed ? new Promise<never>(() => undefined) : onControl(made!, kind, body);
    },
    onSpace: (mailbox) => {
      if (!closed) made!.onSpace(mailbox);
    },
  };
  const endpoint = new MeshEndpoint(seed.mesh, shard + 1, handler, {
    signal: native.binding === null ? null : (fd) => native.binding!.signal(fd),
    wakeFd: reactor.wakeFd,
    onWake: () => reactor.schedule(),
  });
  const supervisor = endpoint.mailboxes[SUPERVISOR_THREAD]!;
  const event = (body: EventBody): void => void supervisor.sendControl(ControlKind.EVENT, body);
  made = new Shard({
    settings: seed.settings,
    identity: seed.identity,
    reactor,
    fs: files ?? environment!.fs,
    clock: environment?.clock ?? systemClock,
    random: Math.random,
    controller: remoteController(supervisor),
    recovery: recoveryFacts(seed.facts),
    log: shardLog(event),
    background: remoteBackground(supervisor),
    callerArenas: seed.mesh.callerArenas,
    peers: seed.single ? { shard, shardCount, mailboxOf: (peer) => endpoint.mailboxes[peer + 1]! } : null,
    tellDirectoryFailed: (directory, errno) =>
      void supervisor.sendControl(ControlKind.DIRECTORY_FAILED, { directory, errno } satisfies DirectoryFailedBody),
    checkpointDue: () => void supervisor.sendControl(ControlKind.CHECKPOINT_DUE, null),
    counters: seed.counters,
    ringFill: () => endpoint.ringFill(),
    drainMail: () => void endpoint.drain(),
    finishTick: () => endpoint.finishTick(),
    leaveReactor: () => {
      closed = true;
      endpoint.leaveReactor();
    },
  });
  made.start();
  reactor.schedule();
  return endpoint;
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
