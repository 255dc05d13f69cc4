// A key that is accepted does something, or says that it does nothing.

import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parseBrokerConfig } from '../../../src/engine/base/config-broker.ts';
import { describeBrokerConfigs } from '../../../src/engine/base/config-description.ts';
import { brokerSchema, topicSchema } from '../../../src/engine/base/config-schema.ts';
import { staticLayers } from '../../../src/engine/base/config-topic.ts';
import { topicSynonyms } from '../../../src/engine/base/config-topic-rows.ts';

const SRC = new URL('../../../src/', import.meta.url);
/** They name keys without acting on them. */
const TABLES = /engine\/base\/config-(?:.*-rows|kafka-names|row)\.ts$/;
const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !TABLES.test(path))
  .map((path) => readFileSync(new URL(path, SRC), 'utf8'));
const isRead = (name: string) => sources.some((text) => text.includes(`'${name}'`));

/** With one value to choose from there is nothing to act on. */
const chosen = (name: string) => topicSchema.get(name)?.oneOf?.length === 1;

it('reads every topic config somewhere, or marks it as without effect', () => {
  const silent = [...topicSchema.values()].filter(({ name, inert }) => inert === undefined && !isRead(name) && !chosen(name));
  expect(silent.map(({ name }) => name)).toEqual([]);
});

it('reads every broker config somewhere, itself or as the default of a topic config, or marks it as without effect', () => {
  const defaults = new Set(Object.values(topicSynonyms).flatMap((synonyms) => synonyms.map(({ name }) => name)));
  const silent = [...brokerSchema.values()].filter(({ name, inert }) => inert === undefined && !isRead(name) && !defaults.has(name));
  expect(silent.map(({ name }) => name)).toEqual([]);
});

it('marks the broker keys behind a topic config as it marks the topic config', () => {
  for (const [name, synonyms] of Object.entries(topicSynonyms)) {
    for (const synonym of synonyms) expect(brokerSchema.get(synonym.name)!.inert, synonym.name).toBe(topicSchema.get(name)!.inert);
  }
});

it('warns of a value that changes nothing, and says so when asked', () => {
  const entries = [
    { name: 'min.insync.replicas', value: '2', from: '--set' },
    { name: 'log.preallocate', value: 'false', from: '--set' },
  ];
  const { warnings } = parseBrokerConfig(entries);
  expect(warnings).toEqual(['min.insync.replicas=2 is without effect: one process keeps one copy of each partition']);
  const described = describeBrokerConfigs(staticLayers(new Map())).find(({ name }) => name === 'min.insync.replicas')!;
  expect(described.documentation).toContain('Without effect here');
});
