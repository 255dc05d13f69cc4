// Start a broker in this process. Owner: the calling thread, which becomes the controller's. Not hot.
//
//   lock directories → try the addresses → shards → metadata store → identity → register nodes → image to every shard → listen
//
// What may be refused comes first: the metadata store is the first that writes.

import { hostname } from 'node:os';
import { type BrokerSettings, logDirectories } from '../../engine/base/config-broker.ts';
import { planShards } from '../../engine/base/config-cores.ts';
import {
  type HttpListener,
  type Listener,
  type ListenerMode,
  listenersOfShard,
  resolveHttpListener,
  resolveListeners,
} from '../../engine/base/config-listeners.ts';
import { packageVersion } from '../../engine/base/package-file.ts';
import { systemUuidSource } from '../../engine/base/uuid.ts';
import { loadNativeBinding } from '../../engine/io/native-binding.ts';
import type { FileSystem } from '../../engine/io/file-system.ts';
import { nodeFileSystem } from '../../engine/io/node-file-system.ts';
import { errnoOf, isOutOfSpace } from '../../engine/io/disk-error.ts';
import { settleClusterIdentity } from '../../engine/metadata/cluster-identity.ts';
import { Controller } from '../../engine/metadata/controller.ts';
import type { NodeRegistration } from '../../engine/metadata/controller-requests.ts';
import { LocalMetadataStore } from '../../engine/metadata/local-metadata-store.ts';
import type { ShardIdentity } from '../../engine/broker/shard-broker.ts';
import { BackgroundPool } from '../background/background-pool.ts';
import type { BrokerLog } from './broker-log.ts';
import { type HttpAuthorize, type HttpFace, openHttpFace } from './http-face.ts';
import { ImagePublisher } from './image-publisher.ts';
import { LogDirectories } from './log-directories.ts';
import { OfflineDirectories } from './offline-directories.ts';
import { probeListeners } from './probe-listeners.ts';
import { RunningBroker } from './running-broker.ts';
import { openShards, type ShardFleet } from './shard-fleet.ts';
import { usableCores } from './usable-cores.ts';
import { memoryShare } from '../shard/reactor-options.ts';
import type { ShardEnvironment } from '../shard/shard-environment.ts';

const METADATA_FOLDER = 'ringlog-metadata';

export interface StartOptions {
  readonly settings: BrokerSettings;
  readonly log: BrokerLog;
  /** A shard died: nothing it owned can be trusted any more, so the process has to end. */
  readonly onDeath: (cause: Error) => void;
  /** false: no client reaches this process; what is done is done through RunningBroker.caller. */
  readonly listens?: boolean;
  /** What the one shard stands on instead of the machine; with `ringlog.shards=0` only. */
  readonly environment?: ShardEnvironment;
  /** What a caller may have in flight; beyond, it waits. */
  readonly callerArenaBytes?: number;
  /** Threads of the user's that may write to it at once. */
  readonly guests?: number;
  readonly authorizeHttp?: HttpAuthorize | undefined;
}

/** Address space: pages are taken as they are used. */
const CALLER_ARENA_BYTES = 32 * 1024 * 1024;

/** The broker cannot start as it is configured; the lines say why. */
export class CannotStart extends Error {
  override readonly name = 'CannotStart';

  constructor(reasons: readonly string[]) {
    super(reasons.join('\n'));
  }
}

/** Where each shard listens and what clients are told. */
interface Topology {
  readonly mode: ListenerMode;
  readonly shardCount: number;
  readonly cores: readonly number[];
  readonly identities: readonly ShardIdentity[];
  /** Of shard i at i. */
  readonly listeners: readonly (readonly Listener[])[];
  /** Null: no HTTP. */
  readonly http: HttpListener | null;
}

/** @throws CannotStart, DirectoryLocked, or what a listener fails with (`code` EADDRINUSE …) */
export async function startBroker(options: StartOptions): Promise<RunningBroker> {
  const { settings, environment = null } = options;
  const fs = environment?.fs ?? nodeFileSystem;
  const topology = planTopology(options);
  const directories = LogDirectories.open(fs, logDirectories(settings.config), process.pid, (path, error) =>
    options.log.error(`log directory ${path} cannot be used and is left out: ${(error as Error).message}`, { directory: path }),
  );
  const offline = new OfflineDirectories(directories, options.log, options.onDeath);
  const onDirectoryFailed = (directory: string, errno: number): void =>
    offline.fail(directory, `a write, a sync or a read failed (errno ${Math.abs(errno)})`, errno);
  const background = new BackgroundPool(settings.config, undefined, environment?.clean ?? null);
  let fleet: ShardFleet | undefined;
  let http: HttpFace | null = null;
  let running: RunningBroker | undefined;
  const checkpointDue = (): void => running?.checkpointSoon();
  try {
    await probeListeners(topology.mode === 'single' ? topology.listeners[0]! : topology.listeners.flat());
    const { callerArenaBytes = CALLER_ARENA_BYTES, guests = 0 } = options;
    // From here on it can be asked whether the broker is ready.
    if (topology.http !== null) http = await openHttpFace(topology.http, settings.config, options.authorizeHttp, options.log);
    fleet = await openShards(
      { ...options, environment, background, callerArenaBytes, guests, checkpointDue, onDirectoryFailed },
      topology,
      directories.facts,
    );
    const { controller, store, clusterId } = await openController(fs, settings, directories, offline);
    offline.attach(fleet.shards, controller);
    directories.replayJournals(
      topology.shardCount,
      (line, isFault) => options.log[isFault ? 'error' : 'info'](line),
      (path, error) => notReplayed(offline, path, error as Error),
    );
    running = await bringUp({ ...options, background, http }, topology, directories, offline, controller, store, clusterId, fleet);
    return running;
  } catch (error) {
    await http?.close();
    await fleet?.abandon();
    directories.unlock();
    throw error;
  }
}

/** Nothing of the directory may be served: acked records are in the journal alone. */
function notReplayed(offline: OfflineDirectories, path: string, error: Error): void {
  const errno = errnoOf(error);
  if (isOutOfSpace(errno)) {
    const reason =
      'the disk is full, and acked records that its commit journal holds have no room in their segments; nothing of it is lost';
    offline.fail(path, reason, errno, 'free as much as the commit-journal files in it take, and start again');
  } else offline.fail(path, `its commit journal cannot be put into the logs: ${error.message}`);
}

function planTopology({ settings: { config }, log, listens = true }: StartOptions): Topology {
  const resolved = resolveListeners(config, hostname());
  if (!resolved.ok) throw new CannotStart(resolved.errors);
  let plan = planShards(config, usableCores());
  if (resolved.mode === 'single' && plan.shardCount > 1 && !isNative(config)) {
    log.warn(`one port for ${plan.shardCount} shards needs the native addon; running one shard`);
    plan = { shardCount: 1, cores: plan.cores.slice(0, 1) };
  }
  const http = resolveHttpListener(config);
  if (!http.ok) throw new CannotStart([http.error]);
  const shardCount = Math.max(1, plan.shardCount);
  const memory = memoryShare(config, shardCount);
  if (!memory.ok) throw new CannotStart([memory.error]);
  const listeners: (readonly Listener[])[] = [];
  const identities: ShardIdentity[] = [];
  for (let shard = 0; shard < shardCount; shard++) {
    const own = listenersOfShard(listens ? resolved.listeners : [], resolved.mode, shard, shardCount);
    if (!own.ok) throw new CannotStart([own.error]);
    listeners.push(own.listeners);
    identities.push({ shard, shardCount, nodeId: config['node.id'] + (resolved.mode === 'single' ? 0 : shard) });
  }
  return { mode: resolved.mode, shardCount: plan.shardCount, cores: plan.cores, identities, listeners, http: http.listener };
}

/** Spreading one port over threads (SO_REUSEPORT) and appending another thread's bytes are the addon's doing. */
function isNative(config: BrokerSettings['config']): boolean {
  return config['ringlog.reactor'] !== 'portable' && loadNativeBinding().binding !== null;
}

async function openController(fs: FileSystem, settings: BrokerSettings, directories: LogDirectories, offline: OfflineDirectories) {
  const { config } = settings;
  const [home] = directories.paths;
  const store = LocalMetadataStore.open(fs, `${home}/${METADATA_FOLDER}`);
  store.onFailed = (failure) => offline.fail(home!, `metadata cannot be stored: ${String(failure.cause)}`);
  const identity = await settleClusterIdentity({
    store,
    uuids: systemUuidSource,
    nodeId: config['node.id'],
    clusterId: config['ringlog.cluster.id'],
    found: directories.found(),
  });
  if (!identity.ok) throw new CannotStart(identity.errors);
  directories.writeMeta(identity.clusterId, config['node.id'], identity.directories);
  const controller = await Controller.open({ store, settings, uuids: systemUuidSource, directories: identity.directories });
  return { controller, store, clusterId: identity.clusterId };
}

async function bringUp(
  { settings, log, background, http }: StartOptions & { background: BackgroundPool; http: HttpFace | null },
  topology: Topology,
  directories: LogDirectories,
  offline: OfflineDirectories,
  controller: Controller,
  store: LocalMetadataStore,
  clusterId: string,
  fleet: ShardFleet,
): Promise<RunningBroker> {
  const publisher = new ImagePublisher(fleet.shards);
  const verbs = publisher.followed(controller);
  fleet.serve(verbs);
  fleet.caller.follow(() => controller.image, verbs, settings);
  // Ports that the kernel chooses are known only when they are bound; all others are known before anybody can ask.
  const early = topology.listeners.flat().some(({ port }) => port === 0);
  let ports = early ? await listen(topology, fleet) : topology.listeners.map((own) => own.map(({ port }) => port));
  const nodes = nodesOf(topology, ports, settings.config['broker.rack']);
  const report = await controller.register({ nodes, shardNodeIds: topology.identities.map(({ nodeId }) => nodeId) });
  for (const name of report.offlinePartitions) log.warn(`${name} has no leader: its log directory is not mounted or failed`);
  await publisher.follow(controller);
  controller.subscribe(() => void publisher.whenFollowed().then(() => fleet.guests.tell()));
  if (!early) ports = await listen(topology, fleet);
  const running = new RunningBroker({
    facts: {
      clusterId,
      addresses: nodes.flatMap(({ nodeId, endpoints: [first] }) =>
        first === undefined ? [] : [{ nodeId, host: first.host, port: first.port }],
      ),
      httpPort: http?.port ?? null,
      httpEngine: http?.engine ?? null,
      mode: topology.mode,
      shardCount: fleet.shardCount,
      cores: fleet.cores,
      partitions: [...controller.image.topicsByName.values()].reduce((sum, topic) => sum + topic.partitions.length, 0),
      reactor: fleet.report,
      syncsBeforeAck: settings.config['ringlog.fsync'] === 'before-ack',
    },
    controller: verbs,
    caller: fleet.caller,
    guests: fleet.guests,
    shards: fleet.shards,
    counters: fleet.counters,
    image: () => controller.image,
    directories,
    offline,
    store,
    background,
    http,
    closeMesh: () => fleet.close(),
    checkpointIntervalMs: settings.config['log.flush.offset.checkpoint.interval.ms'],
    log,
  });
  const { addresses, cores, reactor } = running.facts;
  http?.opened({ version: packageVersion(), clusterId, addresses, reactor: reactor.kind, cores }, () => running.read(), fleet.caller);
  return running;
}

/** @returns the ports of shard i's listeners at i */
function listen({ mode, listeners }: Topology, fleet: ShardFleet): Promise<number[][]> {
  const reusePort = mode === 'single' && fleet.shards.length > 1;
  const bodyOf = (own: readonly Listener[]) => ({ listeners: own.map(({ name, host, port }) => ({ name, host, port })), reusePort });
  if (!reusePort) return Promise.all(fleet.shards.map((shard, i) => shard.listen(bodyOf(listeners[i]!))));
  return listenTogether(fleet, listeners[0]!, bodyOf);
}

/** One port for all: a port the kernel chooses for the first shard is then asked for by the others. */
async function listenTogether(
  fleet: ShardFleet,
  listeners: readonly Listener[],
  bodyOf: (own: readonly Listener[]) => Parameters<ShardFleet['shards'][number]['listen']>[0],
): Promise<number[][]> {
  const [first, ...others] = fleet.shards;
  const ports = await first!.listen(bodyOf(listeners));
  const bound = listeners.map((listener, i) => ({ ...listener, port: ports[i]! }));
  await Promise.all(others.map((shard) => shard.listen(bodyOf(bound))));
  return fleet.shards.map(() => ports);
}

function nodesOf(
  { mode, identities, listeners }: Topology,
  ports: readonly (readonly number[])[],
  rack: string | null,
): NodeRegistration[] {
  const speaking = mode === 'single' ? identities.slice(0, 1) : identities;
  return speaking.map(({ nodeId, shard }, i) => ({
    nodeId,
    shard,
    endpoints: listeners[i]!.map(({ name, advertisedHost, advertisedPort }, l) => ({
      listener: name,
      host: advertisedHost,
      port: advertisedPort === 0 ? ports[i]![l]! : advertisedPort,
    })),
    rack,
  }));
}
