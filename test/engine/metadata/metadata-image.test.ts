// Images, and deltas that lead from one to another through a ring.

import * as fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { EMPTY_IMAGE, MetadataImage, topicImage } from '../../../src/engine/metadata/metadata-image.ts';
import { applyDelta, diffImages } from '../../../src/engine/metadata/metadata-delta.ts';
import { uuidFromBytes, uuidToBytes } from '../../../src/engine/base/uuid.ts';
import type { MetadataDelta } from '../../../src/engine/metadata/metadata-delta.ts';
import type { NodeImage, TopicImage } from '../../../src/engine/metadata/metadata-image.ts';

const packr = new Packr({ useRecords: false });
const overWire = (delta: MetadataDelta): MetadataDelta => packr.unpack(packr.pack(delta)) as MetadataDelta;

function idOf(number: number): string {
  const bytes = new Uint8Array(16).fill(9);
  new DataView(bytes.buffer).setUint32(12, number);
  return uuidFromBytes(bytes);
}

function topicOf(name: string, id: number, epochs: readonly number[], configs = {}): TopicImage {
  const partitions = epochs.map((leaderEpoch, index) => ({
    index,
    leaderNodeId: 1,
    leaderEpoch,
    shard: 0,
    replicas: [1],
    isr: [1],
    directoryId: 'd',
    logDir: '/d',
  }));
  return topicImage({ name, id: idOf(id), internal: false, partitions, configs });
}

function nodeOf(nodeId: number, port: number): NodeImage {
  return { nodeId, host: 'h', port, shard: nodeId, endpoints: [{ listener: 'PLAINTEXT', host: 'h', port }], rack: null };
}

interface Parts {
  readonly revision?: number;
  readonly topics?: readonly TopicImage[];
  readonly nodes?: readonly NodeImage[];
  readonly brokerConfigs?: Record<string, Record<string, string>>;
}

function imageOf({ revision = 1, topics = [], nodes = [], brokerConfigs = {} }: Parts): MetadataImage {
  return new MetadataImage({
    revision,
    clusterId: 'c',
    controllerId: 1,
    nodes: new Map(nodes.map((node) => [node.nodeId, node])),
    topicsByName: new Map(topics.map((topic) => [topic.name, topic])),
    topicsById: new Map(topics.map((topic) => [topic.id, topic])),
    brokerConfigs: new Map(Object.entries(brokerConfigs)),
  });
}

function plain(image: MetadataImage): unknown {
  const sorted = <Value>(map: ReadonlyMap<string | number, Value>) => [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const { revision, clusterId, controllerId } = image;
  return [
    revision,
    clusterId,
    controllerId,
    sorted(image.nodes),
    sorted(image.topicsByName),
    sorted(image.topicsById),
    sorted(image.brokerConfigs),
  ];
}

describe('an image', () => {
  it('finds topics by name, by id in text and by id in a request', () => {
    // The ids agree in their first twelve bytes, so only the whole id tells them apart.
    const topics = [topicOf('a', 1, [0]), topicOf('b', 2, [0, 3])];
    const image = imageOf({ topics });
    expect(image.topic('b')).toBe(topics[1]);
    expect(image.topicById(idOf(1))).toBe(topics[0]);
    const request = new Uint8Array(40);
    request.set(uuidToBytes(idOf(2)), 7);
    expect(image.topicByIdBytes(request, 7)).toBe(topics[1]);
    expect(image.topicByIdBytes(request, 8)).toBeUndefined();
    expect(image.topicByIdBytes(uuidToBytes(idOf(3)), 0)).toBeUndefined();
    expect(() => image.topicByIdBytes(request, 25)).toThrow('16 bytes');
    expect(image.partition('b', 1)?.leaderEpoch).toBe(3);
    expect(image.partition('b', 2)).toBeUndefined();
    expect(image.partition('c', 0)).toBeUndefined();
  });

  it('has dense partitions', () => {
    const { partitions } = topicOf('a', 1, [0, 0]);
    const gap = { name: 'a', id: idOf(1), internal: false, configs: {}, partitions: [partitions[1]!] };
    expect(() => topicImage(gap)).toThrow('dense');
  });
});

describe('a delta', () => {
  it('holds what differs and nothing else', () => {
    const [a, b] = [topicOf('a', 1, [0]), topicOf('b', 2, [0])];
    const node = nodeOf(1, 9);
    const from = imageOf({ topics: [a!, b!], nodes: [node] });
    const to = imageOf({ revision: 2, topics: [a!, topicOf('b', 2, [1])], nodes: [node] });
    const delta = diffImages(from, to);
    expect(delta.topics.map(({ name }) => name)).toEqual(['b']);
    expect([delta.nodes, delta.removedNodeIds, delta.removedTopicNames, delta.brokerConfigs]).toEqual([[], [], [], []]);
    const applied = applyDelta(from, overWire(delta));
    expect(plain(applied)).toEqual(plain(to));
    expect(applied.topic('a')).toBe(a);
  });

  it('replaces a topic that came back under its name', () => {
    const from = imageOf({ topics: [topicOf('a', 1, [5, 5])] });
    const to = imageOf({ revision: 3, topics: [topicOf('a', 2, [0])] });
    const applied = applyDelta(from, diffImages(from, to));
    expect(applied.topicById(idOf(1))).toBeUndefined();
    expect(applied.topicByIdBytes(uuidToBytes(idOf(1)), 0)).toBeUndefined();
    expect(applied.topicByIdBytes(uuidToBytes(idOf(2)), 0)?.name).toBe('a');
  });

  it('fits one image only, and never leads back', () => {
    const from = imageOf({});
    const delta = diffImages(from, imageOf({ revision: 2 }));
    expect(() => applyDelta(imageOf({ revision: 2 }), delta)).toThrow('fits one image');
    expect(() => diffImages(imageOf({ revision: 2 }), from)).toThrow('goes forward');
  });

  it('is refused when a leader epoch would go back or a partition be lost', () => {
    const from = imageOf({ topics: [topicOf('a', 1, [0, 5])] });
    for (const epochs of [[0, 4], [0]]) {
      const delta = diffImages(from, imageOf({ revision: 2, topics: [topicOf('a', 1, epochs)] }));
      expect(() => applyDelta(from, delta)).toThrow(/never/);
    }
  });

  it('leads from any image to any later one, from nothing too', () => {
    const names = ['a', 'b', 'c', 'd'];
    const topics = fc.uniqueArray(fc.nat(3), { maxLength: 4 });
    const parts = fc.record({
      // A later image has other ids, so any epochs are fine.
      topics,
      nodes: fc.uniqueArray(fc.nat(2), { maxLength: 3 }),
      configs: fc.dictionary(fc.constantFrom('', '1', '2'), fc.dictionary(fc.constantFrom('k', 'l'), fc.string())),
    });
    const build = (revision: number, drawn: { topics: number[]; nodes: number[]; configs: Record<string, Record<string, string>> }) =>
      imageOf({
        revision,
        topics: drawn.topics.map((i) => topicOf(names[i]!, revision * 10 + i, [revision])),
        nodes: drawn.nodes.map((id) => nodeOf(id, revision)),
        brokerConfigs: drawn.configs,
      });
    fc.assert(
      fc.property(parts, parts, (one, two) => {
        const first = build(1, one);
        const second = build(2, two);
        expect(plain(applyDelta(EMPTY_IMAGE, overWire(diffImages(EMPTY_IMAGE, first))))).toEqual(plain(first));
        expect(plain(applyDelta(first, overWire(diffImages(first, second))))).toEqual(plain(second));
      }),
    );
  });
});
