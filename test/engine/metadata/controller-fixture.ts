// A controller over a store in memory, as the tests of its verbs want it.

import { Controller } from '../../../src/engine/metadata/controller.ts';
import { MemoryMetadataStore } from '../../../src/engine/metadata/memory-metadata-store.ts';
import { parseBrokerConfig } from '../../../src/engine/base/config-broker.ts';
import { uuidSource } from '../../../src/engine/base/uuid.ts';
import type { BrokerSettings } from '../../../src/engine/base/config-broker.ts';
import type { CreatableTopic } from '../../../src/engine/metadata/controller-requests.ts';
import type { LogDirectoryFacts } from '../../../src/engine/metadata/metadata-records.ts';
import type { MetadataStore } from '../../../src/engine/metadata/metadata-store.ts';
import type { ProcessRegistration } from '../../../src/engine/metadata/controller.ts';
import type { UuidSource } from '../../../src/engine/base/uuid.ts';

const NODE_ID = 10;
export const DIRECTORIES: readonly LogDirectoryFacts[] = [
  { id: 'dir-a', path: '/a' },
  { id: 'dir-b', path: '/b' },
];

export function settingsOf(settings: Record<string, string> = {}): BrokerSettings {
  const result = parseBrokerConfig(Object.entries(settings).map(([name, value]) => ({ name, value, from: 'test' })));
  if (!result.ok) throw new Error(result.errors.join('\n'));
  return result.settings;
}

/** Different every time, the same in every run. */
export function countingUuids(): UuidSource {
  let count = 0;
  return uuidSource((sizeBytes) => {
    const bytes = new Uint8Array(sizeBytes);
    new DataView(bytes.buffer).setUint32(0, ++count);
    return bytes;
  });
}

/** Shard i is node NODE_ID + i. */
export function perShard(shardCount: number): ProcessRegistration {
  const shardNodeIds = Array.from({ length: shardCount }, (_, shard) => NODE_ID + shard);
  const nodes = shardNodeIds.map((nodeId, shard) => ({
    nodeId,
    shard,
    endpoints: [{ listener: 'PLAINTEXT', host: 'localhost', port: 9092 + shard }],
    rack: null,
  }));
  return { nodes, shardNodeIds };
}

/** One node for all shards. */
export function single(shardCount: number): ProcessRegistration {
  return { nodes: perShard(1).nodes, shardNodeIds: Array.from({ length: shardCount }, () => NODE_ID) };
}

export interface FixtureOptions {
  readonly store?: MetadataStore;
  readonly settings?: Record<string, string>;
  readonly registration?: ProcessRegistration;
  readonly directories?: readonly LogDirectoryFacts[];
}

export async function openController(options: FixtureOptions = {}) {
  const { store = new MemoryMetadataStore(), settings, registration = perShard(2), directories = DIRECTORIES } = options;
  const controller = await Controller.open({ store, settings: settingsOf(settings), uuids: countingUuids(), directories });
  const report = await controller.register(registration);
  return { controller, store, report };
}

export function topicOf(name: string, more: Partial<CreatableTopic> = {}): CreatableTopic {
  return { name, partitionCount: -1, replicationFactor: -1, assignments: [], configs: [], ...more };
}

export async function create(controller: Controller, ...topics: CreatableTopic[]) {
  return controller.createTopics({ topics, validateOnly: false });
}
