// What the HTTP room may know of the broker: to read, not to change. Owner: implemented by the supervisor, on its thread.

import type { BrokerReading } from '../../engine/metadata/broker-reading.ts';

/** Settled once the broker is up. */
export interface BrokerFaceFacts {
  readonly version: string;
  readonly clusterId: string;
  readonly addresses: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
  readonly reactor: string;
  /** Core of shard i at i; empty when nothing is pinned. */
  readonly cores: readonly number[];
}

export interface BrokerView {
  /** Clients are accepted. */
  ready(): boolean;
  /** Null before that. */
  facts(): BrokerFaceFacts | null;
  read(): BrokerReading;
}
