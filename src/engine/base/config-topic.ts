// The configs of a topic: its overrides over the broker's defaults. Owner: any thread; no state. Not hot: once for each
// log that opens and each change.

import { effectiveBrokerConfig, valueProblem, valuesOf } from './config-broker.ts';
import { nearestName } from './config-nearest.ts';
import { brokerSchema, topicSchema } from './config-schema.ts';
import { topicSynonyms } from './config-topic-rows.ts';
import type { BrokerLayers } from './config-broker.ts';
import type { BrokerSynonym, TopicConfigName } from './config-topic-rows.ts';
import type { TopicConfig } from './config-schema.ts';

/** Kafka's numbers for where a value comes from. */
export const ConfigSource = {
  DYNAMIC_TOPIC_CONFIG: 1,
  DYNAMIC_BROKER_CONFIG: 2,
  DYNAMIC_DEFAULT_BROKER_CONFIG: 3,
  STATIC_BROKER_CONFIG: 4,
  DEFAULT_CONFIG: 5,
} as const;

/** One place that gives a value, in its own name and unit. */
export interface ConfigSynonym {
  readonly name: string;
  readonly value: string;
  readonly source: number;
}

export type Overrides = Readonly<Record<string, string>>;

/** A topic's values in force: its own overrides, else the broker's keys by strength of their source. */
export function effectiveTopicConfig(overrides: Overrides, layers: BrokerLayers): TopicConfig {
  return valuesOf(topicSchema, (row) => effectiveTopicText(row.name, overrides, layers)) as TopicConfig;
}

/** The value in force as text, in the topic config's unit. */
export function effectiveTopicText(name: string, overrides: Overrides, layers: BrokerLayers): string {
  const strongest = topicConfigSynonyms(name, overrides, layers)[0];
  if (strongest === undefined) return topicSchema.get(name)!.fallback ?? '';
  if (strongest.source === ConfigSource.DYNAMIC_TOPIC_CONFIG) return strongest.value;
  const synonym = topicSynonyms[name as TopicConfigName].find((candidate) => candidate.name === strongest.name)!;
  return scaled(strongest.value, synonym.scale);
}

/** All places that give the value of a topic config, the one in force first. */
export function topicConfigSynonyms(name: string, overrides: Overrides, layers: BrokerLayers): ConfigSynonym[] {
  const found: ConfigSynonym[] = [];
  const override = overrides[name];
  if (override !== undefined) found.push({ name, value: override, source: ConfigSource.DYNAMIC_TOPIC_CONFIG });
  const synonyms: readonly BrokerSynonym[] = topicSynonyms[name as TopicConfigName];
  const collect = (source: number, textOf: (name: string) => string | null | undefined) => {
    for (const synonym of synonyms) {
      const value = textOf(synonym.name);
      if (value !== undefined && value !== null) found.push({ name: synonym.name, value, source });
    }
  };
  collect(ConfigSource.DYNAMIC_BROKER_CONFIG, (key) => layers.nodeDynamic[key]);
  collect(ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG, (key) => layers.clusterDynamic[key]);
  collect(ConfigSource.STATIC_BROKER_CONFIG, (key) => layers.given.get(key));
  collect(ConfigSource.DEFAULT_CONFIG, (key) => brokerSchema.get(key)!.fallback);
  return found;
}

/** Why these overrides cannot be a topic's, or null. */
export function topicOverridesProblem(overrides: Overrides, layers: BrokerLayers): string | null {
  for (const [name, text] of Object.entries(overrides)) {
    const row = topicSchema.get(name);
    if (row === undefined) return unknownTopicConfig(name);
    const problem = valueProblem(row, text);
    if (problem !== null) return problem;
  }
  const config = effectiveTopicConfig(overrides, layers);
  const least = effectiveBrokerConfig(layers)['ringlog.segment.bytes.min'];
  if (overrides['segment.bytes'] !== undefined && config['segment.bytes'] < least) {
    return `segment.bytes=${config['segment.bytes']}: accepted is a whole number of at least ${least}`;
  }
  if (config['min.compaction.lag.ms'] > config['max.compaction.lag.ms']) {
    return `min.compaction.lag.ms=${config['min.compaction.lag.ms']} is above max.compaction.lag.ms=${config['max.compaction.lag.ms']}`;
  }
  return null;
}

export type ParsedTopicConfig = { readonly ok: true; readonly config: TopicConfig } | { readonly ok: false; readonly error: string };

/** Overrides checked, and the values in force with them. */
export function parseTopicConfig(overrides: Overrides, layers: BrokerLayers): ParsedTopicConfig {
  const error = topicOverridesProblem(overrides, layers);
  return error === null ? { ok: true, config: effectiveTopicConfig(overrides, layers) } : { ok: false, error };
}

export function unknownTopicConfig(name: string): string {
  const near = nearestName(name, topicSchema.keys());
  return `'${name}' is not a topic config${near === null ? '' : `; did you mean ${near}?`}`;
}

/** The layers of a broker nobody changed while it ran. */
export function staticLayers(given: ReadonlyMap<string, string>): BrokerLayers {
  return { given, clusterDynamic: {}, nodeDynamic: {} };
}

function scaled(text: string, scale: number): string {
  // Below zero means "no limit", whatever the unit.
  return scale === 1 || text.startsWith('-') ? text : String(BigInt(text) * BigInt(scale));
}
