// Codecs: the generated ones, and beside them the hand-written ones that Produce and Fetch use.

import { ByteReader } from '../../dist/engine/base/byte-reader.js';
import { ByteWriter } from '../../dist/engine/base/byte-writer.js';
import { DESC_WORDS } from '../../dist/engine/io/tick-layout.js';
import { buildBatch } from '../../dist/engine/record/batch-builder.js';
import { fetchApi } from '../../dist/net/kafka/schema/generated/fetch.js';
import { metadataApi } from '../../dist/net/kafka/schema/generated/metadata.js';
import { produceApi } from '../../dist/net/kafka/schema/generated/produce.js';
import { FetchRequestCursor } from '../../dist/net/kafka/wire/fetch-request.js';
import { walkProduce } from '../../dist/net/kafka/wire/produce-walker.js';
import { measure } from './measure.mjs';
import { payloadOf } from './memory-shard.mjs';

const COUNT = 50_000;
const BYTES_BEFORE_BODY = 8 + 2 + 5 + 1;

function repeat(work) {
  return (count) => {
    for (let i = 0; i < count; i++) work();
  };
}

function metadataRows() {
  const id = 'AAAAAAAAAAAAAAAAAAAAAQ';
  const partitions = Array.from({ length: 8 }, (_, partitionIndex) => ({
    errorCode: 0,
    partitionIndex,
    leaderId: 1,
    leaderEpoch: 0,
    replicaNodes: [1],
    isrNodes: [1],
    offlineReplicas: [],
  }));
  const topics = Array.from({ length: 10 }, (_, i) => ({ errorCode: 0, name: `topic-${i}`, topicId: id, isInternal: false, partitions }));
  const answer = { brokers: [{ nodeId: 1, host: 'localhost', port: 9092, rack: null }], clusterId: 'c', controllerId: 1, topics };
  const writer = new ByteWriter();
  metadataApi.encodeResponse(writer, answer, 12);
  const bytes = writer.copy();
  const reader = new ByteReader();
  return [
    measure(
      'Metadata answer, 80 partitions, encode',
      COUNT / 20,
      repeat(() => {
        writer.reset();
        metadataApi.encodeResponse(writer, answer, 12);
      }),
      `${bytes.length} bytes`,
    ),
    measure(
      'Metadata answer, 80 partitions, decode',
      COUNT / 20,
      repeat(() => metadataApi.decodeResponse(reader.reset(bytes), 12)),
    ),
  ];
}

function produceRows() {
  const records = buildBatch([{ key: null, value: new Uint8Array(100) }], { timestampMs: 1 });
  const topicData = [{ name: 'topic', partitionData: [{ index: 0, records }] }];
  const frame = payloadOf(ByteWriter, produceApi, 9, { acks: 1, timeoutMs: 1000, topicData });
  const desc = new ArrayBuffer(DESC_WORDS * 4 * 16);
  const memory = {
    arena: frame,
    view: new DataView(frame.buffer, frame.byteOffset, frame.byteLength),
    cq: new Int32Array(64),
    desc: new Int32Array(desc),
    descF64: new Float64Array(desc),
    descCapacity: 16,
  };
  const reader = new ByteReader();
  return [
    measure(
      'Produce request, generated decode',
      COUNT,
      repeat(() => produceApi.decodeRequest(reader.reset(frame, BYTES_BEFORE_BODY), 9)),
    ),
    measure(
      'Produce request, hand-written walk',
      COUNT,
      repeat(() => walkProduce(memory, 0, 0, frame.length, 0)),
      'checks the batch too (CRC)',
    ),
  ];
}

function fetchRows() {
  const partitions = Array.from({ length: 8 }, (_, partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 1 << 20 }));
  const topics = [{ topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partitions }];
  const frame = payloadOf(ByteWriter, fetchApi, 17, { maxWaitMs: 0, minBytes: 1, topics });
  const reader = new ByteReader();
  const cursor = new FetchRequestCursor();
  const walk = () => {
    cursor.begin(frame, BYTES_BEFORE_BODY, frame.length, 17);
    while (cursor.nextTopic()) while (cursor.nextPartition());
    cursor.beginForgotten();
    cursor.end();
  };
  return [
    measure(
      'Fetch request, 8 partitions, generated decode',
      COUNT,
      repeat(() => fetchApi.decodeRequest(reader.reset(frame, BYTES_BEFORE_BODY), 17)),
    ),
    measure('Fetch request, 8 partitions, hand-written', COUNT, repeat(walk)),
  ];
}

export async function run() {
  return [...metadataRows(), ...produceRows(), ...fetchRows()];
}
