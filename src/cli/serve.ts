// `ringlog serve`: settings, banner, and the process around the broker. Owner: the main thread.

import { readFileSync } from 'node:fs';
import { type BrokerSettings, logDirectories, parseBrokerConfig } from '../engine/base/config-broker.ts';
import { readConfigSources } from '../engine/base/config-sources.ts';
import { loadNativeBinding } from '../engine/io/native-binding.ts';
import { MetadataStoreFailed } from '../engine/metadata/metadata-store.ts';
import { type BrokerLog, processLog } from '../workers/supervisor/broker-log.ts';
import { DirectoriesLost } from '../workers/supervisor/offline-directories.ts';
import type { RunningBroker } from '../workers/supervisor/running-broker.ts';
import { CannotStart, startBroker } from '../workers/supervisor/start-broker.ts';
import { CommandFailed } from './command-failed.ts';
import { commitWords, durabilityWords } from './durability-words.ts';

export interface ServeOptions {
  readonly file: string | undefined;
  readonly sets: readonly string[];
  readonly version: string;
}

/** As sysexits.h has them. */
const EXIT_SOFTWARE = 70;
const EXIT_IO_ERROR = 74;
/** A clean stop that takes longer than this is given up. */
const STOP_LIMIT_MS = 60_000;

export async function serve(options: ServeOptions): Promise<void> {
  const log = await processLog(process.env.RINGLOG_LOG_LEVEL ?? 'info', process.stderr.isTTY === true);
  explainEnds(log);
  const settings = readSettings(options, log);
  const signals = new StopOnSignals(log);
  const started = performance.now();
  // A shard's death: nothing more is accepted and the exit code says so; restarting is for the process manager.
  const onDeath = (cause: Error): void => {
    if (cause instanceof DirectoriesLost) {
      log.error(cause.message);
      process.exit(EXIT_IO_ERROR);
    }
    log.error(`a shard died, the broker stops: ${cause.stack ?? cause.message}`);
    process.exit(EXIT_SOFTWARE);
  };
  const broker = await startBroker({ settings, log, onDeath }).catch((error: unknown) => {
    throw explain(error);
  });
  printBanner(options.version, settings, broker, performance.now() - started);
  signals.started(broker);
}

/** Nothing ends the process without a line in the log that says why, also while it stops. */
function explainEnds(log: BrokerLog): void {
  process.on('uncaughtException', (error: unknown, origin) => {
    const what = origin === 'unhandledRejection' ? 'a rejection' : 'an exception';
    log.error(`the broker stops, ${what} was not handled: ${error instanceof Error ? error.stack : String(error)}`);
    process.exit(EXIT_SOFTWARE);
  });
  // Whoever read the banner may have gone, as `ringlog serve | head -1` does.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

function readSettings({ file, sets }: Pick<ServeOptions, 'file' | 'sets'>, log: BrokerLog): BrokerSettings {
  const sources = readConfigSources({
    file: file === undefined ? null : { name: file, text: readFileSync(file, 'utf8') },
    environment: process.env,
    sets,
  });
  if (!sources.ok) throw new CannotStart(sources.errors);
  const parsed = parseBrokerConfig(sources.entries);
  for (const warning of parsed.warnings) log.warn(warning);
  if (!parsed.ok) throw new CannotStart(parsed.errors);
  return parsed.settings;
}

function explain(error: unknown): unknown {
  if (error instanceof MetadataStoreFailed) {
    const { message, cause } = error;
    return new CommandFailed(cause === undefined ? message : `${message}: ${(explain(cause) as Error).message}`);
  }
  const { code, message } = error as { code?: string; message?: string };
  if (code === 'EADDRINUSE')
    return new CommandFailed(`${message}: another process listens there; choose another with --set listeners=PLAINTEXT://127.0.0.1:PORT`);
  if (code === 'EADDRNOTAVAIL') return new CommandFailed(`${message}: listeners names an address that is not this machine's`);
  if (code === 'EACCES') return new CommandFailed(`${message}: not allowed; ports below 1024 and foreign directories need more rights`);
  if (code === 'EEXIST' || code === 'ENOTDIR') return new CommandFailed(`${message}: log.dirs must name directories`);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new CommandFailed(`${message}: the disk is full; nothing that was acked is lost: free some space there and start again`);
  if (code === 'ENOENT' || code === 'EROFS') return new CommandFailed(`${message}: log.dirs must name directories that can be made there`);
  return error;
}

function printBanner(version: string, { config }: BrokerSettings, { facts }: RunningBroker, startMs: number): void {
  const nodes = facts.addresses.map(({ nodeId, host, port }) => `${host}:${port} (node ${nodeId})`).join(', ');
  const { kind, rows } = facts.reactor;
  // Only the addon can pin a thread.
  const pinned = facts.cores.length > 0 && loadNativeBinding().binding !== null;
  const cores = pinned ? `core${facts.cores.length > 1 ? 's' : ''} ${facts.cores.join(', ')}` : "cores of the kernel's choice";
  const shards = facts.shardCount === 0 ? 'in the main thread' : `${facts.shardCount} on ${cores}`;
  const engines = rows.map(({ facility, engine }) => `${facility} ${engine}`).join(', ');
  const why = rows.find(({ facility }) => facility === 'reactor')?.reason;
  const commits = commitWords(config, logDirectories(config), kind === 'native');
  const durability = durabilityWords(config, commits).filter(({ what }) => what !== 'acks=0');
  const lines = [
    `ringlog ${version}  ready in ${Math.round(startMs)} ms, pid ${process.pid}`,
    `  listening   ${nodes}, listeners ${facts.mode}`,
    ...(facts.httpPort === null
      ? []
      : [`  http        ${httpWords(config['ringlog.http.listener']!, facts.httpPort)}, by ${facts.httpEngine!.name}`]),
    `  shards      ${shards}`,
    `  engines     ${kind}${why === undefined ? '' : ` (${why})`}: ${engines}`,
    `  data        ${logDirectories(config).join(', ')} (cluster ${facts.clusterId}, ${facts.partitions} partitions)`,
    ...durability.map(({ what, meaning }, i) => `  ${i === 0 ? 'durability' : '          '}  ${what} ${meaning}`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** Port 0 was the kernel's to choose. */
function httpWords(listener: string, port: number): string {
  const host = listener.slice(0, listener.lastIndexOf(':'));
  return `http://${host === '' ? 'localhost' : host}:${port}/ with /metrics, /healthz, /readyz`;
}

/** Stops the broker when the process is told to end, also when that comes while it is still starting. */
class StopOnSignals {
  private readonly log: BrokerLog;
  private broker: RunningBroker | null = null;
  private asked = false;

  constructor(log: BrokerLog) {
    this.log = log;
    // npm and shells pass on a signal that the process got already: the second one must not end the stop half-way.
    const onSignal = (signal: NodeJS.Signals): void => {
      if (this.asked) return;
      this.asked = true;
      log.info(`${signal}: stopping`);
      if (this.broker !== null) this.stop(this.broker);
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  }

  /** The broker runs. */
  started(broker: RunningBroker): void {
    this.broker = broker;
    if (this.asked) this.stop(broker);
  }

  private stop(broker: RunningBroker): void {
    const limit = setTimeout(() => {
      this.log.error(`not stopped within ${STOP_LIMIT_MS} ms; giving up`);
      process.exit(1);
    }, STOP_LIMIT_MS);
    broker.stop().then(
      () => {
        clearTimeout(limit);
        this.log.info('stopped');
        process.exit(0);
      },
      (error: unknown) => {
        this.log.error(`the stop failed: ${(error as Error).stack}`);
        process.exit(1);
      },
    );
  }
}
