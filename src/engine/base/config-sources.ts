// Where the settings of a broker come from: a file, the environment, the command line; a later one wins.
// Owner: the thread that starts a broker. Not hot.

import { parseProperties } from './config-properties.ts';
import type { ConfigEntries, ConfigEntry } from './config-entry.ts';

export interface ConfigSources {
  /** What server.properties holds, when there is one. */
  readonly file: { readonly name: string; readonly text: string } | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The arguments of --set, as `key=value`. */
  readonly sets: readonly string[];
}

const PREFIX = 'KAFKA_';

/** Variables of the official image that speak to its scripts and to the Java machine, not to the broker. */
const NOT_CONFIGS = new Set([
  'KAFKA_VERSION',
  'KAFKA_OPTS',
  'KAFKA_HOME',
  'KAFKA_DEBUG',
  'KAFKA_HEAP_OPTS',
  'KAFKA_JMX_OPTS',
  'KAFKA_JMX_PORT',
  'KAFKA_JMX_HOSTNAME',
  'KAFKA_GC_LOG_OPTS',
  'KAFKA_JVM_PERFORMANCE_OPTS',
  'KAFKA_LOG4J_OPTS',
  'KAFKA_LOG4J_LOGGERS',
  'KAFKA_LOG4J_ROOT_LOGLEVEL',
  'KAFKA_TOOLS_LOG4J_LOGLEVEL',
]);

/** All settings, weakest first. */
export function readConfigSources(sources: ConfigSources): ConfigEntries {
  const file = sources.file === null ? NONE : parseProperties(sources.file.text, sources.file.name);
  const sets = parseSets(sources.sets);
  const errors = [file, sets].flatMap((part) => (part.ok ? [] : part.errors));
  if (!file.ok || !sets.ok) return { ok: false, errors };
  return { ok: true, entries: [...file.entries, ...environmentEntries(sources.environment), ...sets.entries] };
}

const NONE: ConfigEntries = { ok: true, entries: [] };

/** KAFKA_A_B is a.b, KAFKA_A__B is a_b, KAFKA_A___B is a-b; CLUSTER_ID names the cluster, as in the official image. */
export function environmentEntries(environment: Readonly<Record<string, string | undefined>>): ConfigEntry[] {
  const entries: ConfigEntry[] = [];
  for (const variable of Object.keys(environment).toSorted()) {
    const value = environment[variable];
    if (value === undefined) continue;
    if (variable === 'CLUSTER_ID') entries.push({ name: 'ringlog.cluster.id', value, from: variable });
    if (!variable.startsWith(PREFIX) || variable === PREFIX || NOT_CONFIGS.has(variable)) continue;
    const name = variable
      .slice(PREFIX.length)
      .toLowerCase()
      .replace(/_{1,3}/g, (run) => (run.length === 1 ? '.' : run.length === 2 ? '_' : '-'));
    entries.push({ name, value, from: variable });
  }
  return entries;
}

function parseSets(sets: readonly string[]): ConfigEntries {
  const entries: ConfigEntry[] = [];
  const errors: string[] = [];
  for (const text of sets) {
    const equals = text.indexOf('=');
    const name = text.slice(0, equals).trim();
    if (equals < 0 || name === '') errors.push(`--set takes key=value, as --set num.partitions=4: '${text}' is not`);
    else entries.push({ name, value: text.slice(equals + 1), from: '--set' });
  }
  return errors.length === 0 ? { ok: true, entries } : { ok: false, errors };
}
