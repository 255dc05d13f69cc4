// Which APIs this broker speaks: one table, from which dispatch and the ApiVersions answer both derive, so that what is
// advertised is what is implemented. Owner: built once per shard, constant. Not hot.

import { assert } from '../../../engine/base/assert.ts';
import { ErrorCode } from '../../../engine/base/error-code.ts';
import { fetchApi } from '../schema/generated/fetch.ts';
import { produceApi } from '../schema/generated/produce.ts';
import type { AnyApiHandler } from './api-handler.ts';

interface VersionRange {
  readonly min: number;
  readonly max: number;
}

export interface ApiRegistry {
  readonly handlers: ReadonlyMap<number, AnyApiHandler>;
  /** What is advertised and accepted, Produce and Fetch included. */
  readonly ranges: ReadonlyMap<number, VersionRange>;
}

export function buildApiRegistry(handlers: readonly AnyApiHandler[]): ApiRegistry {
  const byKey = new Map<number, AnyApiHandler>();
  const ranges = new Map<number, VersionRange>();
  for (const api of [produceApi, fetchApi]) ranges.set(api.key, { min: api.minVersion, max: api.maxStableVersion });
  for (const handler of handlers) {
    const { key, name, minVersion, maxStableVersion } = handler.api;
    assert(!ranges.has(key), 'an API has one handler', name);
    byKey.set(key, handler);
    ranges.set(key, handler.versions ?? { min: minVersion, max: maxStableVersion });
  }
  return { handlers: byKey, ranges };
}

/** As the ApiVersions answer lists them. */
export function advertisedVersions(registry: ApiRegistry): { apiKey: number; minVersion: number; maxVersion: number }[] {
  return [...registry.ranges]
    .sort(([a], [b]) => a - b)
    .map(([apiKey, { min, max }]) => ({
      apiKey,
      // Older librdkafka cannot produce compressed batches unless Produce is advertised from 0 (KAFKA-18659), though
      // nothing below 3 is accepted.
      minVersion: apiKey === produceApi.key ? 0 : min,
      maxVersion: max,
    }));
}

/** The answer to an ApiVersions request of a version we do not know. */
export function unsupportedApiVersions(registry: ApiRegistry): {
  errorCode: number;
  apiKeys: ReturnType<typeof advertisedVersions>;
  throttleTimeMs: number;
} {
  return { errorCode: ErrorCode.UNSUPPORTED_VERSION, apiKeys: advertisedVersions(registry), throttleTimeMs: 0 };
}
