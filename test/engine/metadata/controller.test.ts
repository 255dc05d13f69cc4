// The controller as a whole: restarts, other writers, subscribers, identities.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Controller } from '../../../src/engine/metadata/controller.ts';
import { DIRECTORIES, countingUuids, create, openController, perShard, settingsOf, single, topicOf } from './controller-fixture.ts';
import { ErrorCode } from '../../../src/engine/base/error-code.ts';
import { EMPTY_IMAGE } from '../../../src/engine/metadata/metadata-image.ts';
import { LocalMetadataStore } from '../../../src/engine/metadata/local-metadata-store.ts';
import { MemoryFileSystem } from '../../../src/engine/io/memory-file-system.ts';
import { MemoryMetadataStore } from '../../../src/engine/metadata/memory-metadata-store.ts';
import { applyDelta, diffImages } from '../../../src/engine/metadata/metadata-delta.ts';
import { settleClusterIdentity } from '../../../src/engine/metadata/cluster-identity.ts';
import type { FoundDirectory } from '../../../src/engine/metadata/cluster-identity.ts';
import type { Transaction, TransactionResult } from '../../../src/engine/metadata/metadata-store.ts';
import type { MetadataImage } from '../../../src/engine/metadata/metadata-image.ts';

class CountingStore extends MemoryMetadataStore {
  refused = 0;

  override async transaction(transaction: Transaction): Promise<TransactionResult> {
    const result = await super.transaction(transaction);
    if (!result.ok) this.refused++;
    return result;
  }
}

const placement = (image: MetadataImage, name: string) =>
  image.topic(name)!.partitions.map(({ shard, leaderNodeId, leaderEpoch }) => [shard, leaderNodeId, leaderEpoch]);

describe('a restart', () => {
  it('finds everything as it was', async () => {
    const { controller, store } = await openController();
    await create(controller, topicOf('a', { partitionCount: 3, configs: [{ name: 'retention.ms', value: '5' }] }));
    await controller.ensureInternalTopic('__consumer_offsets');
    const { controller: again, report } = await openController({ store });
    expect(report).toEqual({ movedPartitions: 0, offlinePartitions: [] });
    expect(again.image.revision).toBe(controller.image.revision);
    expect(again.image.topicsByName).toEqual(controller.image.topicsByName);
    expect(again.image.nodes).toEqual(controller.image.nodes);
    expect(again.image.controllerId).toBe(10);
  });

  it('with fewer shards moves the partitions of the missing ones only, with a higher leader epoch', async () => {
    const { controller, store } = await openController({ registration: perShard(4) });
    await create(controller, topicOf('a', { partitionCount: 8 }));
    expect(placement(controller.image, 'a').map(([shard]) => shard)).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
    const { controller: smaller, report } = await openController({ store, registration: perShard(2) });
    expect(report.movedPartitions).toBe(4);
    const after = placement(smaller.image, 'a');
    for (const stayed of [0, 1, 4, 5]) expect(after[stayed]).toEqual(placement(controller.image, 'a')[stayed]);
    for (const moved of [2, 3, 6, 7]) expect(after[moved]![2]).toBe(1);
    expect(after.filter(([shard]) => shard === 0).length).toBe(4);
    expect(after.every(([shard, nodeId]) => nodeId === 10 + shard!)).toBe(true);
    expect([...smaller.image.nodes.keys()].toSorted()).toEqual([10, 11]);
    // More shards again: what is placed stays.
    const { report: grown } = await openController({ store, registration: perShard(4) });
    expect(grown.movedPartitions).toBe(0);
  });

  it('in another listener mode tells clients the new nodes with a higher leader epoch', async () => {
    const { controller, store } = await openController({ registration: perShard(2) });
    await create(controller, topicOf('a', { partitionCount: 2 }));
    const { controller: one } = await openController({ store, registration: single(2) });
    expect(placement(one.image, 'a')).toEqual([
      [0, 10, 0],
      [1, 10, 1],
    ]);
    expect([...one.image.nodes.keys()]).toEqual([10]);
  });

  it('without a log directory leaves its partitions without a leader, until it is back', async () => {
    const { controller, store } = await openController({ registration: perShard(1) });
    await create(controller, topicOf('a', { partitionCount: 2 }));
    const { controller: half, report } = await openController({ store, registration: perShard(1), directories: DIRECTORIES.slice(0, 1) });
    expect(report.offlinePartitions).toEqual(['a-1']);
    expect(half.image.partition('a', 1)).toMatchObject({ leaderNodeId: -1, isr: [], logDir: '', directoryId: 'dir-b' });
    await half.createPartitions({ topics: [{ name: 'a', count: 3, assignments: null }], validateOnly: false });
    const elsewhere = [DIRECTORIES[0]!, { id: 'dir-b', path: '/moved' }];
    const { controller: whole } = await openController({ store, registration: perShard(1), directories: elsewhere });
    expect(whole.image.partition('a', 1)).toMatchObject({ leaderNodeId: 10, isr: [10], logDir: '/moved' });
    expect(whole.image.partition('a', 2)?.logDir).toBe('/a');
  });

  it('never lets a leader epoch go back, whatever the shards were', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.boolean()), { minLength: 1, maxLength: 6 }), async (starts) => {
        const store = new MemoryMetadataStore();
        let before: MetadataImage = EMPTY_IMAGE;
        for (const [shards, isSingle] of starts) {
          const { controller } = await openController({ store, registration: isSingle ? single(shards) : perShard(shards) });
          if (before === EMPTY_IMAGE) await create(controller, topicOf('a', { partitionCount: 7 }));
          // Throws when an epoch goes back.
          applyDelta(before, diffImages(before, controller.image));
          for (const { shard, leaderNodeId } of controller.image.topic('a')!.partitions) {
            expect(shard).toBeLessThan(shards);
            expect(leaderNodeId).toBe(isSingle ? 10 : 10 + shard);
          }
          before = controller.image;
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe('subscribers', () => {
  it('get a delta for each durable change that leads to the image', async () => {
    const { controller } = await openController();
    let replica = applyDelta(EMPTY_IMAGE, diffImages(EMPTY_IMAGE, controller.image));
    let calls = 0;
    const stop = controller.subscribe((image, delta) => {
      calls++;
      replica = applyDelta(replica, delta);
      expect(replica.topicsByName).toEqual(image.topicsByName);
    });
    await create(controller, topicOf('a'), topicOf('b'));
    await controller.allocateProducerIds();
    await controller.deleteTopics({ topics: [{ name: 'a', topicId: 'AAAAAAAAAAAAAAAAAAAAAA' }] });
    await create(controller, topicOf('b'));
    expect(calls).toBe(2);
    expect(replica.revision).toBe(controller.image.revision);
    stop();
    await create(controller, topicOf('c'));
    expect(calls).toBe(2);
  });

  it('see the change before the caller has the answer', async () => {
    const { controller } = await openController();
    const order: string[] = [];
    controller.subscribe(() => order.push('image'));
    await create(controller, topicOf('a')).then(() => order.push('answer'));
    expect(order).toEqual(['image', 'answer']);
  });
});

describe('the controller', () => {
  it('does one thing after the other', async () => {
    const store = new CountingStore();
    const { controller } = await openController({ store });
    const results = await Promise.all(Array.from({ length: 20 }, (_, i) => create(controller, topicOf(`a${i % 10}`))));
    expect(results.flat().map(({ errorCode }) => errorCode)).toEqual([
      ...Array.from({ length: 10 }, () => 0),
      ...Array.from({ length: 10 }, () => 36),
    ]);
    expect(store.refused).toBe(0);
  });

  it('goes on after a change that could not be written', async () => {
    const fs = new MemoryFileSystem();
    fs.makeDirectory('/data');
    const { controller } = await openController({ store: LocalMetadataStore.open(fs, '/data/metadata') });
    let writes = 0;
    fs.fault = (operation) => (operation === 'write' && writes++ === 0 ? 'ENOSPC' : null);
    const [[failed], [fine]] = await Promise.all([create(controller, topicOf('a')), create(controller, topicOf('b'))]);
    expect([failed!.errorCode, fine!.errorCode]).toEqual([ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.NONE]);
    expect(failed!.errorMessage).toContain('ENOSPC');
    expect([...controller.image.topicsByName.keys()]).toEqual(['b']);
  });

  it('plans again when another writer was quicker', async () => {
    const { controller, store } = await openController();
    const { controller: other } = await openController({ store });
    const [mine] = await create(other, topicOf('a', { partitionCount: 4 }));
    const [late] = await create(controller, topicOf('a'));
    expect(late!.errorCode).toBe(36);
    expect(controller.image.topic('a')!.id).toBe(mine!.topicId);
    await other.createPartitions({ topics: [{ name: 'a', count: 6, assignments: null }], validateOnly: false });
    const [grown] = await controller.createPartitions({ topics: [{ name: 'a', count: 5, assignments: null }], validateOnly: false });
    expect(grown!.errorMessage).toContain('has 6 partitions');
  });

  it('answers nothing that is not durable, and keeps its image', async () => {
    const fs = new MemoryFileSystem();
    fs.makeDirectory('/data');
    fs.syncDirectory('/');
    const { controller } = await openController({ store: LocalMetadataStore.open(fs, '/data/metadata') });
    await create(controller, topicOf('a'));
    const before = controller.image;
    fs.fault = (operation) => (operation === 'fdatasync' ? 'EIO' : null);
    const [refused] = await create(controller, topicOf('b'));
    expect(refused!.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
    expect(controller.image).toBe(before);
    fs.fault = null;
    fs.crash();
    const { controller: again } = await openController({ store: LocalMetadataStore.open(fs, '/data/metadata') });
    expect([...again.image.topicsByName.keys()]).toEqual(['a']);
  });

  it('never gives a producer id twice, crash or not', async () => {
    const fs = new MemoryFileSystem();
    fs.makeDirectory('/data');
    fs.syncDirectory('/');
    const taken: number[] = [];
    for (let start = 0; start < 3; start++) {
      const { controller } = await openController({ store: LocalMetadataStore.open(fs, '/data/metadata') });
      const blocks = await Promise.all([controller.allocateProducerIds(), controller.allocateProducerIds()]);
      for (const { firstProducerId, count } of blocks) {
        expect(count).toBe(1000);
        taken.push(firstProducerId);
      }
      fs.crash();
    }
    expect(taken).toEqual([0, 1000, 2000, 3000, 4000, 5000]);
  });

  it('shares producer ids with another writer without a repeat', async () => {
    const { controller, store } = await openController();
    const { controller: other } = await openController({ store });
    const blocks = await Promise.all(Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? controller : other).allocateProducerIds()));
    expect(new Set(blocks.map(({ firstProducerId }) => firstProducerId)).size).toBe(10);
  });

  it('answers nothing before the process is registered', async () => {
    const controller = await Controller.open({
      store: new MemoryMetadataStore(),
      settings: settingsOf(),
      uuids: countingUuids(),
      directories: DIRECTORIES,
    });
    await expect(create(controller, topicOf('a'))).rejects.toThrow('registered');
    await expect(controller.register({ nodes: [], shardNodeIds: [1] })).rejects.toThrow('belongs to a node');
  });
});

describe('settleClusterIdentity', () => {
  const found = (path: string, more: Partial<FoundDirectory> = {}): FoundDirectory => ({
    path,
    clusterId: null,
    nodeId: null,
    directoryId: null,
    ...more,
  });
  const settle = (store: MemoryMetadataStore, directories: FoundDirectory[], clusterId: string | null = null) =>
    settleClusterIdentity({ store, uuids: countingUuids(), nodeId: 1, clusterId, found: directories });

  it('makes what is missing once and keeps it', async () => {
    const store = new MemoryMetadataStore();
    const first = await settle(store, [found('/a'), found('/b')]);
    if (!first.ok) expect.unreachable();
    expect(first.clusterId.length).toBe(22);
    expect(first.directories.map(({ path, isNew }) => [path, isNew])).toEqual([
      ['/a', true],
      ['/b', true],
    ]);
    expect(new Set([first.clusterId, ...first.directories.map(({ id }) => id)]).size).toBe(3);
    const known = { clusterId: first.clusterId, nodeId: 1 };
    const again = await settle(store, [found('/a', { ...known, directoryId: first.directories[0]!.id }), found('/c')]);
    expect(again).toMatchObject({
      ok: true,
      clusterId: first.clusterId,
      directories: [{ id: first.directories[0]!.id, isNew: false }, { isNew: true }],
    });
    const controller = await openController({ store });
    expect(controller.controller.image.clusterId).toBe(first.clusterId);
  });

  it('takes the id that is configured for a new cluster, and the one on disk before it', async () => {
    expect(await settle(new MemoryMetadataStore(), [found('/a')], 'mine')).toMatchObject({ ok: true, clusterId: 'mine' });
    expect(await settle(new MemoryMetadataStore(), [found('/a', { clusterId: 'old' })])).toMatchObject({ ok: true, clusterId: 'old' });
  });

  it.each([
    [[found('/a', { clusterId: 'x' }), found('/b', { clusterId: 'y' })], null, '/b belongs to cluster y, and this is cluster x'],
    [[found('/a', { clusterId: 'x', nodeId: 2 })], null, '/a belongs to node.id 2, and this is node.id 1'],
    [[found('/a', { clusterId: 'x' })], 'z', 'ringlog.cluster.id is z, and the data here belongs to cluster x'],
    [
      [found('/a', { directoryId: 'd' }), found('/b', { directoryId: 'd' })],
      null,
      'log directories /a and /b have the same directory.id d',
    ],
  ])('refuses directories that do not belong together', async (directories, clusterId, message) => {
    const store = new MemoryMetadataStore();
    const result = await settle(store, directories, clusterId);
    expect(result.ok ? '' : result.errors.join()).toContain(message);
    expect((await store.range('')).items).toEqual([]);
  });
});
