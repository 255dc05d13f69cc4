// The APIs a test broker speaks, by Kafka's names, and their messages without types: what faults edit. Owner: constant.

import { kafkaApis } from '../net/kafka/handlers/kafka-apis.ts';
import type { ApiSchema } from '../net/kafka/schema/api-schema.ts';
import { fetchApi } from '../net/kafka/schema/generated/fetch.ts';
import { produceApi } from '../net/kafka/schema/generated/produce.ts';

/** A decoded request or answer. */
export type Message = Record<string, unknown>;

export type AnyApi = ApiSchema<Message, Message>;

const handlers = [...kafkaApis().handlers.values()];
const all = [produceApi, fetchApi, ...handlers.map(({ api }) => api)] as unknown as readonly AnyApi[];

export const apisByKey: ReadonlyMap<number, AnyApi> = new Map(all.map((api) => [api.key, api]));
export const apiNames: readonly string[] = all.map(({ name }) => name).sort();

export function rowsOf(message: Message, field: string): readonly Message[] {
  return (message[field] ?? []) as readonly Message[];
}
