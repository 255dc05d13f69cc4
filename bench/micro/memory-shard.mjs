// One shard on the memory reactor and a disk in memory, with a topic `t` and a client: what a request costs in
// TypeScript, without a kernel. Only the ticks are timed, not the client.

import { getHeapStatistics } from 'node:v8';
import { parseBrokerConfig } from '../../dist/engine/base/config-broker.js';
import { systemUuidSource } from '../../dist/engine/base/uuid.js';
import { MemoryFileSystem } from '../../dist/engine/io/memory-file-system.js';
import { Controller } from '../../dist/engine/metadata/controller.js';
import { diffImages } from '../../dist/engine/metadata/metadata-delta.js';
import { EMPTY_IMAGE } from '../../dist/engine/metadata/metadata-image.js';
import { MemoryMetadataStore } from '../../dist/engine/metadata/memory-metadata-store.js';
import { walkProduce } from '../../dist/net/kafka/wire/produce-walker.js';
import { createMemoryReactor } from '../../dist/net/reactor/memory-reactor.js';
import { Shard } from '../../dist/workers/shard/shard.js';

const NODE_ID = 1;

export async function memoryShard() {
  const texts = {
    'log.dirs': '/data',
    'ringlog.fsync': 'never',
    'log.segment.bytes': String(8 << 20),
    'log.retention.bytes': String(16 << 20),
  };
  const parsed = parseBrokerConfig(Object.entries(texts).map(([name, value]) => ({ name, value, from: 'bench' })));
  if (!parsed.ok) throw new Error(parsed.errors.join('\n'));
  const { settings } = parsed;
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory('/data');
  const directories = [{ id: systemUuidSource.next(), path: '/data' }];
  const controller = await Controller.open({ store: new MemoryMetadataStore(), settings, uuids: systemUuidSource, directories });
  const endpoints = [{ listener: 'PLAINTEXT', host: 'localhost', port: 9092 }];
  await controller.register({ nodes: [{ nodeId: NODE_ID, shard: 0, endpoints, rack: null }], shardNodeIds: [NODE_ID] });
  const topics = [{ name: 't', partitionCount: 1, replicationFactor: 1, assignments: [], configs: [] }];
  await controller.createTopics({ topics, validateOnly: false });
  const reactor = createMemoryReactor({ fileSystem, walkProduce });
  const quiet = () => undefined;
  const shard = new Shard({
    settings,
    identity: { shard: 0, shardCount: 1, nodeId: NODE_ID },
    reactor,
    fs: fileSystem,
    clock: reactor.virtualClock,
    random: Math.random,
    controller,
    recovery: { isClean: () => true, recoveryPoint: () => 0, logStartOffset: () => 0 },
    log: new Proxy({}, { get: () => quiet }),
    peers: null,
    tellDirectoryFailed: quiet,
    drainMail: quiet,
    leaveReactor: quiet,
    finishTick: () => true,
  });
  shard.start();
  shard.applyDelta(diffImages(EMPTY_IMAGE, controller.image));
  await reactor.listen({ host: 'localhost', port: 0, reusePort: false, backlog: 1 });
  return { reactor, client: reactor.connect(), topicId: controller.image.topicsByName.get('t').id };
}

/** `count` requests, `inFlight` a tick. @returns what the ticks took */
export function drive({ reactor, client }, frame, count, inFlight) {
  let ns = 0n;
  let bytes = 0;
  for (let left = count; left > 0; left -= inFlight) {
    for (let i = 0; i < inFlight; i++) client.sendFrame(frame);
    const heap = getHeapStatistics().used_heap_size;
    const start = process.hrtime.bigint();
    reactor.runUntilIdle();
    ns += process.hrtime.bigint() - start;
    bytes += Math.max(0, getHeapStatistics().used_heap_size - heap);
    if (client.takeFrames().length !== inFlight) throw new Error('a request was not answered');
  }
  return { ns: Number(ns), bytes };
}

/** Header and body of a request, without the length. */
export function payloadOf(ByteWriter, api, version, request) {
  const writer = new ByteWriter();
  writer.int16(api.key);
  writer.int16(version);
  writer.int32(1);
  writer.nullableString('bench');
  if (version >= api.flexibleSince) writer.uvarint(0);
  api.encodeRequest(writer, request, version);
  return writer.copy();
}
