// Configs as DescribeConfigs shows them: value, where it comes from, and what else would give one.
// Owner: any thread; no state. Not hot.

import { ConfigSource, effectiveTopicText, topicConfigSynonyms } from './config-topic.ts';
import { brokerSchema, topicSchema } from './config-schema.ts';
import type { BrokerLayers } from './config-broker.ts';
import type { ConfigRow, ConfigType } from './config-row.ts';
import type { ConfigSynonym, Overrides } from './config-topic.ts';

export interface ConfigDescription {
  readonly name: string;
  /** Null: not set, or a secret. */
  readonly value: string | null;
  readonly readOnly: boolean;
  readonly source: number;
  readonly isSensitive: boolean;
  /** Kafka's number. */
  readonly type: number;
  readonly documentation: string;
  readonly synonyms: readonly { readonly name: string; readonly value: string | null; readonly source: number }[];
}

/** Kafka's numbers; 4 (short) and 8 (class) have no use here. */
const TYPE_NUMBERS: Readonly<Record<ConfigType, number>> = {
  boolean: 1,
  string: 2,
  int: 3,
  long: 5,
  double: 6,
  list: 7,
  password: 9,
};

export function describeTopicConfigs(overrides: Overrides, layers: BrokerLayers): ConfigDescription[] {
  return Array.from(topicSchema.values(), (row) =>
    described(row, effectiveTopicText(row.name, overrides, layers), topicConfigSynonyms(row.name, overrides, layers), false),
  );
}

export function describeBrokerConfigs(layers: BrokerLayers): ConfigDescription[] {
  return Array.from(brokerSchema.values(), (row) => {
    const synonyms = brokerConfigSynonyms(row, layers);
    return described(row, synonyms[0]?.value ?? null, synonyms, row.update === 'read-only');
  });
}

/** What was set for all nodes at once: the resource without a name. */
export function describeClusterDefaults(clusterDynamic: Overrides): ConfigDescription[] {
  return Array.from(brokerSchema.values()).flatMap((row) => {
    const value = clusterDynamic[row.name];
    if (value === undefined) return [];
    const source = ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG;
    return [described(row, value, [{ name: row.name, value, source }], false)];
  });
}

function brokerConfigSynonyms(row: ConfigRow, layers: BrokerLayers): ConfigSynonym[] {
  const { name } = row;
  const candidates = [
    { value: layers.nodeDynamic[name], source: ConfigSource.DYNAMIC_BROKER_CONFIG },
    { value: layers.clusterDynamic[name], source: ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG },
    { value: layers.given.get(name), source: ConfigSource.STATIC_BROKER_CONFIG },
    { value: row.fallback ?? undefined, source: ConfigSource.DEFAULT_CONFIG },
  ];
  return candidates.flatMap(({ value, source }) => (value === undefined ? [] : [{ name, value, source }]));
}

function described(row: ConfigRow, value: string | null, synonyms: readonly ConfigSynonym[], readOnly: boolean): ConfigDescription {
  const isSensitive = row.type === 'password';
  return {
    name: row.name,
    value: isSensitive ? null : value,
    readOnly,
    source: synonyms[0]?.source ?? ConfigSource.DEFAULT_CONFIG,
    isSensitive,
    type: TYPE_NUMBERS[row.type],
    documentation: row.inert === undefined ? row.doc : `${row.doc} Without effect here: ${row.inert}.`,
    synonyms: isSensitive ? synonyms.map((synonym) => ({ ...synonym, value: null })) : synonyms,
  };
}
