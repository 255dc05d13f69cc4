// Names of Kafka's APIs by their keys, as labels and headings show them. Owner: constant. Not hot.

import { kafkaApis } from '../kafka/handlers/kafka-apis.ts';
import { fetchApi } from '../kafka/schema/generated/fetch.ts';
import { produceApi } from '../kafka/schema/generated/produce.ts';

export const apiNames: ReadonlyMap<number, string> = new Map([
  [produceApi.key, produceApi.name],
  [fetchApi.key, fetchApi.name],
  ...[...kafkaApis().handlers].map(([key, { api }]) => [key, api.name] as const),
]);
