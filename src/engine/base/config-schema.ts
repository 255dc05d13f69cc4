// The tables of all configs, by name, and the typed records they stand for. Owner: any thread; no state. Not hot:
// hot code copies the numbers it needs out of a record.

import { brokerRows } from './config-broker-rows.ts';
import { topicDefaultRows } from './config-topic-default-rows.ts';
import { topicRows } from './config-topic-rows.ts';
import type { ConfigOf, ConfigRow } from './config-row.ts';

/** `config['num.partitions']` is a number, `config['log.dirs']` a list or null. */
export type BrokerConfig = ConfigOf<typeof brokerRows> & ConfigOf<typeof topicDefaultRows>;
/** The values in force for one topic. */
export type TopicConfig = ConfigOf<typeof topicRows>;

function byName(rows: readonly ConfigRow[]): ReadonlyMap<string, ConfigRow> {
  return new Map(rows.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map((row) => [row.name, row]));
}

/** In alphabetical order, as clients show them. */
export const brokerSchema: ReadonlyMap<string, ConfigRow> = byName([...brokerRows, ...topicDefaultRows]);
export const topicSchema: ReadonlyMap<string, ConfigRow> = byName(topicRows);
