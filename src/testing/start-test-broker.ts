// startTestBroker(): a whole broker inside a test. Owner: the test's thread. Not hot.

import { parseBrokerConfig, type BrokerSettings } from '../engine/base/config-broker.ts';
import type { ConfigEntry } from '../engine/base/config-entry.ts';
import type { TopicSpec } from '../embed/admin.ts';
import { RinglogError } from '../embed/ringlog-error.ts';
import type { BrokerLog } from '../workers/supervisor/broker-log.ts';
import { BrokerClock } from './broker-clock.ts';
import { directoryDisk, memoryDisk, temporaryDisk } from './broker-disk.ts';
import { TestBroker } from './test-broker.ts';

export interface TestBrokerOptions {
  /** Made at the start: names, or names with a number of partitions, or more about each. Clients make others by using them. */
  readonly topics?: readonly string[] | Readonly<Record<string, TopicSpec | number>>;
  /** memory (default): nothing touches the disk. directory: a temporary one, which goes with the broker. */
  readonly storage?: 'memory' | 'directory';
  /** A directory of your own, which stays. */
  readonly dir?: string;
  /** running (default): time goes by as outside. manual: it stands still until clock.advance(). */
  readonly clock?: 'running' | 'manual';
  /** Broker configs by Kafka's names. */
  readonly config?: Readonly<Record<string, string | number | boolean>>;
  /** How many requests `requests` keeps: the newest. 10,000 when absent. */
  readonly requestsKept?: number;
  /** 127.0.0.1:port; the kernel chooses a free one when absent. */
  readonly port?: number;
  /** Lines of the broker's log. When absent, errors become process warnings. */
  readonly logger?: BrokerLog;
}

const OPTIONS: ReadonlySet<string> = new Set<keyof TestBrokerOptions>([
  'topics',
  'storage',
  'dir',
  'clock',
  'config',
  'requestsKept',
  'port',
  'logger',
]);
/** What a broker of one test needs no more of. */
const CONFIG: Readonly<Record<string, string>> = {
  'offsets.topic.num.partitions': '1',
  // A group of one test has all its members soon.
  'group.initial.rebalance.delay.ms': '0',
  // A commit syncs its segments: a journal is one more file to make and to replay.
  'ringlog.commit': 'segments',
  'log.index.size.max.bytes': '65536',
  // A clock that is moved on by a day would close every connection.
  'connections.max.idle.ms': '-1',
};
/** What a test broker is, whatever is asked for. */
const FIXED: Readonly<Record<string, string>> = {
  'ringlog.shards': '0',
  'ringlog.reactor': 'portable',
  // Every Fetch then names all it asks for: requests can be looked at, and answered with faults, one by one.
  'max.incremental.fetch.session.cache.slots': '0',
};
const KEPT_DEFAULT = 10_000;

/** @throws RinglogError INVALID_ARGUMENT; or why the port or the directory cannot be had */
export async function startTestBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  check(options);
  const { storage = 'memory', dir, port = 0, requestsKept = KEPT_DEFAULT } = options;
  const disk = dir !== undefined ? directoryDisk(dir) : storage === 'memory' ? memoryDisk() : temporaryDisk();
  try {
    const broker = new TestBroker({
      disk,
      clock: new BrokerClock(options.clock === 'manual'),
      log: options.logger ?? onlyErrors,
      requestsKept,
      settingsFor: (portNow) => settingsOf(options, disk.dir, portNow),
    });
    await broker.begin(port);
    try {
      await broker.admin.ensureTopics(specsOf(options.topics ?? []));
    } catch (error) {
      await broker.close();
      throw error;
    }
    return broker;
  } catch (error) {
    disk.remove();
    throw error;
  }
}

function specsOf(topics: NonNullable<TestBrokerOptions['topics']>): Readonly<Record<string, TopicSpec | number>> {
  return isNames(topics) ? Object.fromEntries(topics.map((name) => [name, {}])) : topics;
}

function isNames(topics: NonNullable<TestBrokerOptions['topics']>): topics is readonly string[] {
  return Array.isArray(topics);
}

function settingsOf({ config = {} }: TestBrokerOptions, dir: string, port: number): BrokerSettings {
  const own = { ...CONFIG, listeners: `PLAINTEXT://127.0.0.1:${port}`, 'log.dirs': dir };
  const entries: ConfigEntry[] = [];
  const add = (some: Readonly<Record<string, string | number | boolean>>, from: string): void => {
    for (const [name, value] of Object.entries(some)) entries.push({ name, value: String(value), from });
  };
  add(own, 'startTestBroker()');
  add(config, 'startTestBroker({ config })');
  add(FIXED, 'startTestBroker()');
  const parsed = parseBrokerConfig(entries);
  // A misspelt config would change nothing, and the test would not notice.
  const faults = [
    ...(parsed.ok ? [] : parsed.errors),
    ...parsed.warnings.filter((line) => Object.keys(config).some((name) => line.includes(name))),
  ];
  if (!parsed.ok || faults.length > 0) throw new RinglogError('INVALID_ARGUMENT', faults.join('\n'));
  return parsed.settings;
}

function check(options: TestBrokerOptions): void {
  const { storage, clock, dir, requestsKept = 0, port = 0, config = {} } = options;
  const wrong = (text: string): never => {
    throw new RinglogError('INVALID_ARGUMENT', text);
  };
  for (const name of Object.keys(options))
    if (!OPTIONS.has(name)) wrong(`startTestBroker() has no option ${name}: there are ${[...OPTIONS].join(', ')}`);
  if (storage !== undefined && storage !== 'memory' && storage !== 'directory')
    wrong(`storage=${String(storage)}: 'memory' or 'directory'`);
  if (dir !== undefined && storage === 'memory') wrong('dir is for storage: directory');
  if (dir === '') wrong('dir is not empty');
  if (clock !== undefined && clock !== 'running' && clock !== 'manual') wrong(`clock=${String(clock)}: 'running' or 'manual'`);
  if (!Number.isInteger(requestsKept) || requestsKept < 0) wrong(`requestsKept=${requestsKept}: a whole number, 0 or more`);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) wrong(`port=${port}: 0 to 65535`);
  for (const name of ['listeners', 'log.dir', 'log.dirs', ...Object.keys(FIXED)]) {
    if (name in config) wrong(`config ${name} is what startTestBroker() sets itself`);
  }
}

const onlyErrors: BrokerLog = {
  info: () => undefined,
  warn: () => undefined,
  error: (message) => process.emitWarning(message, 'RinglogError'),
};
