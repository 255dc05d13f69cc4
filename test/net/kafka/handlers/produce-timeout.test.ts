// acks=all on a disk that does not answer: REQUEST_TIMED_OUT when timeout.ms has passed, not before; the records stay, and
// the operation is used again only when the disk has let go of it. One shard on the memory reactor, whose time and disk
// move when told.

import { beforeEach, expect, test } from 'vitest';
import { allocateCounters } from '../../../../src/engine/base/counter-layout.ts';
import { parseBrokerConfig } from '../../../../src/engine/base/config-broker.ts';
import { systemUuidSource } from '../../../../src/engine/base/uuid.ts';
import { MemoryFileSystem } from '../../../../src/engine/io/memory-file-system.ts';
import { Controller } from '../../../../src/engine/metadata/controller.ts';
import { MemoryMetadataStore } from '../../../../src/engine/metadata/memory-metadata-store.ts';
import { diffImages } from '../../../../src/engine/metadata/metadata-delta.ts';
import { EMPTY_IMAGE } from '../../../../src/engine/metadata/metadata-image.ts';
import { produceApi } from '../../../../src/net/kafka/schema/generated/produce.ts';
import { walkProduce } from '../../../../src/net/kafka/wire/produce-walker.ts';
import type { MemoryClient } from '../../../../src/net/reactor/memory-client.ts';
import { createMemoryReactor } from '../../../../src/net/reactor/memory-reactor.ts';
import { Shard, type ShardParts } from '../../../../src/workers/shard/shard.ts';
import { decodeAnswer, produceRequest, requestFrame, textBatch } from '../../../support/broker.ts';

const NONE = 0;
const REQUEST_TIMED_OUT = 7;
const ALL = -1;
const TIMEOUT_MS = 1500;

let reactor: ReturnType<typeof createMemoryReactor>;
let client: MemoryClient;
let nextId = 1;

beforeEach(async () => {
  const parsed = parseBrokerConfig([{ name: 'log.dirs', value: '/data', from: 'test' }]);
  if (!parsed.ok) throw new Error(parsed.errors.join('\n'));
  const { settings } = parsed;
  const fs = new MemoryFileSystem();
  fs.makeDirectory('/data');
  const directories = [{ id: systemUuidSource.next(), path: '/data' }];
  const controller = await Controller.open({ store: new MemoryMetadataStore(), settings, uuids: systemUuidSource, directories });
  const endpoints = [{ listener: 'PLAINTEXT', host: 'localhost', port: 9092 }];
  await controller.register({ nodes: [{ nodeId: 1, shard: 0, endpoints, rack: null }], shardNodeIds: [1] });
  const topics = [{ name: 't', partitionCount: 1, replicationFactor: 1, assignments: [], configs: [] }];
  await controller.createTopics({ topics, validateOnly: false });
  reactor = createMemoryReactor({ fileSystem: fs, walkProduce });
  const shard = new Shard({
    settings,
    identity: { shard: 0, shardCount: 1, nodeId: 1 },
    reactor,
    fs,
    clock: reactor.virtualClock,
    random: Math.random,
    controller,
    recovery: { isClean: () => true, recoveryPoint: () => 0, logStartOffset: () => 0, firstDirtyOffset: () => 0, session: () => '' },
    log: new Proxy({}, { get: () => () => undefined }) as ShardParts['log'],
    callerArenas: [new SharedArrayBuffer(4096)],
    peers: null,
    tellDirectoryFailed: () => undefined,
    checkpointDue: () => undefined,
    background: { clean: () => Promise.reject(new Error('nothing is compacted')), syncDirectory: () => Promise.resolve() },
    counters: allocateCounters(),
    ringFill: null,
    drainMail: () => undefined,
    finishTick: () => true,
    leaveReactor: () => undefined,
  });
  shard.start();
  shard.applyDelta(diffImages(EMPTY_IMAGE, controller.image));
  await reactor.listen({ host: 'localhost', port: 0, reusePort: false, backlog: 1 });
  client = reactor.connect();
});

function send(acks: number): void {
  const request = produceRequest('t', textBatch(['x'], { timestampMs: reactor.virtualClock.wallMs() }), { acks, timeoutMs: TIMEOUT_MS });
  client.sendFrame(requestFrame(produceApi, 9, request, nextId++).subarray(4));
  reactor.runUntilIdle();
}

/** Outcomes that came since the last look: error code and base offset. */
function outcomes(): [number, number][] {
  return client.takeFrames().map((frame) => {
    const { errorCode, baseOffset } = decodeAnswer(produceApi, 9, frame).response.responses[0]!.partitionResponses[0]!;
    return [errorCode, baseOffset];
  });
}

function pass(ms: number): void {
  reactor.virtualClock.advance(ms);
  reactor.runUntilIdle();
}

test('told when the time has passed, not before', () => {
  reactor.files.holdSyncs = true;
  send(ALL);
  pass(TIMEOUT_MS - 1);
  expect(outcomes()).toEqual([]);
  pass(2);
  expect(outcomes()).toEqual([[REQUEST_TIMED_OUT, -1]]);
});

test('acks=1 does not wait for the disk', () => {
  reactor.files.holdSyncs = true;
  send(1);
  expect(outcomes()).toEqual([[NONE, 0]]);
});

test('an answer in time is the only one', () => {
  reactor.files.holdSyncs = true;
  send(ALL);
  pass(TIMEOUT_MS - 1);
  reactor.files.holdSyncs = false;
  reactor.files.releaseSyncs();
  reactor.runUntilIdle();
  expect(outcomes()).toEqual([[NONE, 0]]);
  pass(10 * TIMEOUT_MS);
  expect(outcomes()).toEqual([]);
});

test('the records stay; what timed out takes no later answer', () => {
  reactor.files.holdSyncs = true;
  for (let i = 0; i < 3; i++) send(ALL);
  pass(TIMEOUT_MS + 1);
  expect(outcomes()).toEqual([0, 1, 2].map(() => [REQUEST_TIMED_OUT, -1]));
  // New requests while the disk still holds the old ones.
  for (let i = 0; i < 3; i++) send(ALL);
  reactor.files.holdSyncs = false;
  reactor.files.releaseSyncs();
  reactor.runUntilIdle();
  expect(outcomes()).toEqual([3, 4, 5].map((offset) => [NONE, offset]));
  send(ALL);
  expect(outcomes()).toEqual([[NONE, 6]]);
});
