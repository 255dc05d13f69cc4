// A Fetch request from its frame to its answer: sessions, plans, the bytes around the records.

import { ByteWriter } from '../../dist/engine/base/byte-writer.js';
import { buildBatch } from '../../dist/engine/record/batch-builder.js';
import { fetchApi } from '../../dist/net/kafka/schema/generated/fetch.js';
import { produceApi } from '../../dist/net/kafka/schema/generated/produce.js';
import { measure } from './measure.mjs';
import { drive, memoryShard, payloadOf } from './memory-shard.mjs';

const COUNT = 6_400;
const NOTE = 'memory reactor included';

export async function run() {
  const shard = await memoryShard();
  const records = buildBatch([{ key: null, value: new Uint8Array(1000) }], { timestampMs: shard.reactor.virtualClock.wallMs() });
  const topicData = [{ name: 't', partitionData: [{ index: 0, records }] }];
  const produce = payloadOf(ByteWriter, produceApi, 9, { acks: 1, timeoutMs: 1000, topicData });
  drive(shard, produce, 256, 64);
  const { topicId } = shard;
  const request = (fetchOffset, partitionMaxBytes) => ({
    maxWaitMs: 0,
    minBytes: 1,
    topics: [{ topicId, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes }] }],
  });
  const rows = [];
  for (const [name, body, inFlight] of [
    ['Fetch one batch from the file', request(10, 1), 1],
    ['Fetch one batch from the file', request(10, 1), 64],
    ['Fetch 64 KiB', request(0, 65_536), 64],
    ['Fetch nothing at the end', request(256, 1), 64],
  ]) {
    const frame = payloadOf(ByteWriter, fetchApi, 17, body);
    rows.push(measure(`${name}, ${inFlight} a tick`, COUNT, (count) => drive(shard, frame, count, inFlight), NOTE));
  }
  return rows;
}
