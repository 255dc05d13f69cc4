// open(): a log in the calling process, on threads of its own or on the calling one. Owner: the calling thread. Not hot.
//
// One process owns a data directory: a second open() of it fails, here or in another process. Others reach the log by the
// Kafka protocol (`kafka`).

import { type BrokerSettings, parseBrokerConfig } from '../engine/base/config-broker.ts';
import type { ConfigEntry } from '../engine/base/config-entry.ts';
import { DirectoryLocked } from '../engine/log/log-directory.ts';
import type { BrokerLog } from '../workers/supervisor/broker-log.ts';
import type { HttpAuthorize } from '../workers/supervisor/http-face.ts';
import { CannotStart, startBroker } from '../workers/supervisor/start-broker.ts';
import { usableCores } from '../workers/supervisor/usable-cores.ts';
import type { TopicSpec } from './admin.ts';
import { checkArgument, checkNumber, checkOptions, checkTopics, type Known } from './check-options.ts';
import { EmbeddedLog } from './embedded-log.ts';
import { RinglogError } from './ringlog-error.ts';

export interface KafkaListener {
  /** 0 lets the kernel choose: see EmbeddedLog.brokers. */
  readonly port: number;
  /** Loopback when absent. */
  readonly host?: string;
  /** per-shard: shard i listens on port + i; single: one port for all. Per-shard when absent. */
  readonly listeners?: 'per-shard' | 'single';
}

export interface HttpGateway {
  /** 0 lets the kernel choose: see EmbeddedLog.httpPort. */
  readonly port: number;
  /** Loopback when absent; beyond it a token is needed. */
  readonly host?: string;
  /** What whoever asks has to show, as a bearer token. */
  readonly token?: string;
  /** Sites whose pages may ask, as `https://app.example`. */
  readonly origins?: readonly string[];
  /** Asked about each request after the token: false refuses it. */
  readonly authorize?: HttpAuthorize;
}

export interface OpenOptions {
  /** The data directory; made when it does not exist. */
  readonly dir: string;
  /** Threads that own partitions; 0 runs one shard on the calling thread. One less than the usable cores when absent. */
  readonly shards?: number | 'auto';
  /** Made unless they exist: a number of partitions, or more about each. Existing ones stay as they are. */
  readonly topics?: Readonly<Record<string, TopicSpec | number>>;
  /** Serve Kafka clients too. Nothing listens when absent. */
  readonly kafka?: KafkaListener;
  /** The gateway, metrics and the console over HTTP. Nothing listens when absent. */
  readonly http?: HttpGateway;
  /** Broker configs by Kafka's names. */
  readonly config?: Readonly<Record<string, string | number | boolean>>;
  /** Memory for batches on their way to the shards: the bound of what all producers have in flight. 32 MiB when absent. */
  readonly inFlightBytes?: number;
  /** Threads of yours that write to the log at once, by EmbeddedLog.producerHandle(). 0 when absent. */
  readonly workerProducers?: number;
  /** Lines of the broker's log. When absent, warnings and errors become process warnings. */
  readonly logger?: BrokerLog;
  /** A shard died: the log is gone, and calls fail. When absent, that is a process warning. */
  readonly onDeath?: (cause: Error) => void;
  readonly signal?: AbortSignal;
}

/** Batches are laid out in it, so it holds at least a few of the largest. */
const IN_FLIGHT_BYTES_MIN = 4 * 1024 * 1024;
const WORKER_PRODUCERS_MAX = 64;
const IN_FLIGHT_BYTES_MAX = 1024 * 1024 * 1024;

const OPTIONS: Known<OpenOptions> = {
  dir: true,
  shards: true,
  topics: true,
  kafka: true,
  http: true,
  config: true,
  inFlightBytes: true,
  workerProducers: true,
  logger: true,
  onDeath: true,
  signal: true,
};
const KAFKA: Known<KafkaListener> = { port: true, host: true, listeners: true };
const HTTP: Known<HttpGateway> = { port: true, host: true, token: true, origins: true, authorize: true };

/** @throws RinglogError INVALID_ARGUMENT, DIRECTORY_LOCKED; or why the directory or the port cannot be had, with the `code` it failed with */
export async function open(options: OpenOptions): Promise<EmbeddedLog> {
  checkOpenOptions(options);
  const { signal, inFlightBytes } = options;
  signal?.throwIfAborted();
  const log = options.logger ?? processWarnings;
  const settings = settingsOf(options, log);
  let opened: EmbeddedLog | undefined;
  let diedEarly: (cause: Error) => void = () => undefined;
  const early = new Promise<never>((_, reject) => (diedEarly = reject));
  early.catch(() => undefined);
  const onDeath = (cause: Error): void => {
    if (opened === undefined) return diedEarly(cause);
    opened.die(cause);
    if (options.onDeath !== undefined) options.onDeath(cause);
    else log.error(`the log in ${options.dir} is dead: ${cause.message}`);
  };
  const callerArenaBytes = inFlightBytes === undefined ? {} : { callerArenaBytes: checkedBytes(inFlightBytes) };
  const { kafka, http } = options;
  const guests = checkedGuests(options.workerProducers ?? 0);
  const starting = startBroker({
    guests,
    settings,
    log,
    onDeath,
    listens: kafka !== undefined,
    authorizeHttp: http?.authorize,
    ...callerArenaBytes,
  });
  const broker = await Promise.race([starting, early]).catch((error: unknown) => {
    throw asOpenError(error, options.dir);
  });
  opened = new EmbeddedLog(broker);
  try {
    await opened.admin.ensureTopics(options.topics ?? {}, { signal });
    signal?.throwIfAborted();
  } catch (error) {
    await opened.close();
    throw error;
  }
  return opened;
}

function checkOpenOptions(options: OpenOptions): void {
  checkOptions('open()', options, OPTIONS);
  const { dir, topics = {}, kafka, http, config = {}, logger } = options;
  checkArgument(typeof dir === 'string' && dir !== '', 'open() needs dir, the data directory');
  checkTopics(topics);
  if (kafka !== undefined) checkOptions('open({ kafka })', kafka, KAFKA);
  if (http !== undefined) checkOptions('open({ http })', http, HTTP);
  for (const { port } of [kafka, http].filter((one) => one !== undefined)) checkNumber('port', port, 0, 65_535);
  const isObject = typeof config === 'object' && config !== null && !Array.isArray(config);
  checkArgument(isObject, "config is { name: value }, by Kafka's names");
  const lines = logger === undefined || [logger.info, logger.warn, logger.error].every((line) => typeof line === 'function');
  checkArgument(lines, 'logger has info(), warn() and error()');
}

function asOpenError(error: unknown, dir: string): unknown {
  if (error instanceof CannotStart) return new RinglogError('INVALID_ARGUMENT', error.message, { cause: error });
  if (!(error instanceof DirectoryLocked)) return error;
  const owner = error.pid === process.pid ? 'this process has it open already' : `process ${error.pid} has it open`;
  const way = "others reach the log by the Kafka port of the one that has it, open({ kafka: { port } }) or 'ringlog serve'";
  return new RinglogError('DIRECTORY_LOCKED', `one process owns a data directory, and for ${dir} ${owner}: ${way}`, { cause: error });
}

function settingsOf(options: OpenOptions, log: BrokerLog): BrokerSettings {
  const { dir, shards = 'auto', kafka, http, config = {} } = options;
  const count = shards === 'auto' ? Math.max(1, usableCores().length - 1) : shards;
  const given: Record<string, string> = { 'log.dir': dir, 'ringlog.shards': String(count) };
  // All members of a group are of this process: nobody else is to be waited for.
  if (kafka === undefined) given['group.initial.rebalance.delay.ms'] = '0';
  else {
    const { host = '127.0.0.1', port, listeners = 'per-shard' } = kafka;
    given['listeners'] = `PLAINTEXT://${hostPort(host, port)}`;
    given['ringlog.listeners'] = listeners;
  }
  if (http !== undefined) {
    const { host = '127.0.0.1', port, token, origins = [] } = http;
    given['ringlog.http.listener'] = hostPort(host, port);
    if (token !== undefined) given['ringlog.http.token'] = token;
    given['ringlog.http.origins'] = origins.join(',');
  }
  const entries: ConfigEntry[] = Object.entries(given).map(([name, value]) => ({ name, value, from: 'open()' }));
  for (const [name, value] of Object.entries(config)) entries.push({ name, value: String(value), from: 'open({ config })' });
  const parsed = parseBrokerConfig(entries);
  for (const warning of parsed.warnings) log.warn(warning);
  if (!parsed.ok) throw new RinglogError('INVALID_ARGUMENT', parsed.errors.join('\n'));
  return parsed.settings;
}

function hostPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function checkedBytes(bytes: number): number {
  if (Number.isInteger(bytes) && bytes >= IN_FLIGHT_BYTES_MIN && bytes <= IN_FLIGHT_BYTES_MAX) return bytes;
  throw new RinglogError('INVALID_ARGUMENT', `inFlightBytes=${bytes}: accepted is ${IN_FLIGHT_BYTES_MIN} to ${IN_FLIGHT_BYTES_MAX}`);
}

function checkedGuests(count: number): number {
  if (Number.isInteger(count) && count >= 0 && count <= WORKER_PRODUCERS_MAX) return count;
  throw new RinglogError('INVALID_ARGUMENT', `workerProducers=${count}: accepted is 0 to ${WORKER_PRODUCERS_MAX}`);
}

const processWarnings: BrokerLog = {
  info: () => undefined,
  warn: (message) => process.emitWarning(message, 'RinglogWarning'),
  error: (message) => process.emitWarning(message, 'RinglogError'),
};
