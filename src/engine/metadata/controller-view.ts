// What a verb of the controller decides from, and what it wants done. Owner: the controller (main thread). Not hot.
// Verbs are pure: the same view and request give the same plan; the controller makes it durable and then answers.

import { ErrorCode } from '../base/error-code.ts';
import type { BrokerSettings } from '../base/config-broker.ts';
import type { ItemResult } from './controller-requests.ts';
import type { LogDirectoryFacts } from './metadata-records.ts';
import type { MetadataImage, TopicFacts } from './metadata-image.ts';
import type { UuidSource } from '../base/uuid.ts';

export interface ControllerView {
  readonly image: MetadataImage;
  readonly settings: BrokerSettings;
  /** Node id of shard i at i. */
  readonly shardNodeIds: readonly number[];
  readonly directories: readonly LogDirectoryFacts[];
  readonly uuids: UuidSource;
}

export type MetadataChange =
  | { readonly kind: 'put-topic'; readonly topic: TopicFacts }
  | { readonly kind: 'delete-topic'; readonly name: string }
  | { readonly kind: 'put-record'; readonly key: string; readonly record: object }
  | { readonly kind: 'delete-key'; readonly key: string };

export interface Plan<Result> {
  readonly results: readonly Result[];
  readonly changes: readonly MetadataChange[];
}

export const FINE: ItemResult = { errorCode: ErrorCode.NONE, errorMessage: null };

export function refusal(errorCode: number, errorMessage: string): ItemResult {
  return { errorCode, errorMessage };
}

/** Members that occur more than once. */
export function repeated<Key>(keys: readonly Key[]): Set<Key> {
  const seen = new Set<Key>();
  const twice = new Set<Key>();
  for (const key of keys) {
    if (seen.has(key)) twice.add(key);
    seen.add(key);
  }
  return twice;
}
