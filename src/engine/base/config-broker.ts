// The configs of a broker: read from settings, and changed while it runs. Owner: the supervisor's thread reads them once;
// the settings are plain and travel to every shard. Not hot.

import { isKafkaName } from './config-kafka-names.ts';
import { nearestName } from './config-nearest.ts';
import { fallbackValue, parseConfigValue } from './config-value.ts';
import { brokerSchema } from './config-schema.ts';
import type { BrokerConfig } from './config-schema.ts';
import type { ConfigEntry } from './config-entry.ts';
import type { ConfigRow, ConfigValue } from './config-row.ts';

/** What a broker was started with. */
export interface BrokerSettings {
  readonly config: BrokerConfig;
  /** The texts that were given, by name: sources of values are told from them. */
  readonly given: ReadonlyMap<string, string>;
}

/** Overrides of a running broker on top of its settings. */
export interface BrokerLayers {
  readonly given: ReadonlyMap<string, string>;
  /** Set for all nodes. */
  readonly clusterDynamic: Readonly<Record<string, string>>;
  /** Set for this node; they win. */
  readonly nodeDynamic: Readonly<Record<string, string>>;
}

export type ParsedBrokerConfig =
  | { readonly ok: true; readonly settings: BrokerSettings; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly errors: readonly string[]; readonly warnings: readonly string[] };

/** Old names that Kafka still takes. */
const ALIASES: ReadonlyMap<string, string> = new Map([['broker.id', 'node.id']]);

/** Later entries win. Unknown names warn and are ignored, as in Kafka; bad values are errors. */
export function parseBrokerConfig(entries: readonly ConfigEntry[]): ParsedBrokerConfig {
  const warnings: string[] = [];
  const errors: string[] = [];
  const given = new Map<string, string>();
  const last = new Map(entries.map((entry) => [ALIASES.get(entry.name) ?? entry.name, entry]));
  for (const [name, entry] of last) {
    const row = brokerSchema.get(name);
    if (row === undefined) {
      warnings.push(unknownWarning(entry));
      continue;
    }
    const parsed = parseConfigValue(row, entry.value);
    // Properties files unset a key by leaving it empty.
    const unset = row.fallback === null && entry.value.trim() === '';
    if (unset) continue;
    if (parsed.ok) given.set(name, entry.value.trim());
    else errors.push(badValue(entry, row, parsed.accepted));
  }
  const config = valuesOf(brokerSchema, (row) => given.get(row.name)) as BrokerConfig;
  warnings.push(...withoutEffect(given));
  errors.push(...contradictions(config));
  warnings.push(...lostCopies(config));
  return errors.length === 0 ? { ok: true, settings: { config, given }, warnings } : { ok: false, errors, warnings };
}

/** The values in force on a node whose configs were changed while it runs. */
export function effectiveBrokerConfig(layers: BrokerLayers): BrokerConfig {
  const text = (row: ConfigRow) => layers.nodeDynamic[row.name] ?? layers.clusterDynamic[row.name] ?? layers.given.get(row.name);
  return valuesOf(brokerSchema, text) as BrokerConfig;
}

/** Why `text` cannot be the value of `row`, or null. */
export function valueProblem(row: ConfigRow, text: string): string | null {
  const parsed = parseConfigValue(row, text);
  return parsed.ok ? null : `${row.name}=${shown(row, text)}: accepted is ${parsed.accepted}`;
}

/** Directories of the logs, as `log.dirs` or `log.dir` name them. */
export function logDirectories(config: BrokerConfig): readonly string[] {
  return config['log.dirs'] ?? [config['log.dir']];
}

/** Values of all rows; a row without a text, or with one that is not valid any more, has its default. */
export function valuesOf(
  schema: ReadonlyMap<string, ConfigRow>,
  textOf: (row: ConfigRow) => string | undefined,
): Readonly<Record<string, ConfigValue>> {
  const values: Record<string, ConfigValue> = {};
  for (const row of schema.values()) {
    const text = textOf(row);
    const parsed = text === undefined ? null : parseConfigValue(row, text);
    values[row.name] = parsed !== null && parsed.ok ? parsed.value : fallbackValue(row);
  }
  return values;
}

function badValue(entry: ConfigEntry, row: ConfigRow, accepted: string): string {
  return `${entry.name}=${shown(row, entry.value)} (from ${entry.from}): accepted is ${accepted}`;
}

function shown(row: ConfigRow, text: string): string {
  return row.type === 'password' ? '[hidden]' : text;
}

function unknownWarning(entry: ConfigEntry): string {
  const known = `${entry.name} (from ${entry.from})`;
  if (isKafkaName(entry.name)) return `${known} is a config of Kafka that Ringlog does not act on; it is ignored`;
  const near = nearestName(entry.name, brokerSchema.keys());
  return `${known} is not a known config and is ignored${near === null ? '' : `; did you mean ${near}?`}`;
}

/** Pairs of keys of which the first may not be above the second. */
const ORDERED = [
  ['group.min.session.timeout.ms', 'group.max.session.timeout.ms'],
  ['group.consumer.min.session.timeout.ms', 'group.consumer.session.timeout.ms'],
  ['group.consumer.session.timeout.ms', 'group.consumer.max.session.timeout.ms'],
  ['group.consumer.min.heartbeat.interval.ms', 'group.consumer.heartbeat.interval.ms'],
  ['group.consumer.heartbeat.interval.ms', 'group.consumer.max.heartbeat.interval.ms'],
  ['log.cleaner.min.compaction.lag.ms', 'log.cleaner.max.compaction.lag.ms'],
  ['ringlog.segment.bytes.min', 'log.segment.bytes'],
] as const;

/** What is wrong with values that are each valid alone. */
export function contradictions(config: BrokerConfig): string[] {
  const found: string[] = [];
  for (const [low, high] of ORDERED) {
    if (config[low] > config[high]) found.push(`${low}=${config[low]} is above ${high}=${config[high]}`);
  }
  if (logDirectories(config).length === 0) found.push('log.dirs names no directory');
  return found;
}

/** Only values other than the default: what a start-up file spells out as it is anyway needs no warning. */
function withoutEffect(given: ReadonlyMap<string, string>): string[] {
  const warnings: string[] = [];
  for (const [name, value] of given) {
    const { inert, fallback } = brokerSchema.get(name)!;
    if (inert !== undefined && value !== fallback) warnings.push(`${name}=${value} is without effect: ${inert}`);
  }
  return warnings;
}

const COPIES = ['default.replication.factor', 'offsets.topic.replication.factor'] as const;

function lostCopies(config: BrokerConfig): string[] {
  return COPIES.filter((name) => config[name] > 1).map(
    (name) => `${name}=${config[name]}: one process keeps one copy of each partition; 1 is used`,
  );
}
