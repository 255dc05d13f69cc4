// A Produce request from its frame to its answer: walk, append, answer, over the memory reactor.

import { ByteWriter } from '../../dist/engine/base/byte-writer.js';
import { buildBatch } from '../../dist/engine/record/batch-builder.js';
import { produceApi } from '../../dist/net/kafka/schema/generated/produce.js';
import { measure } from './measure.mjs';
import { drive, memoryShard, payloadOf } from './memory-shard.mjs';

const COUNT = 6_400;
const NOTE = 'memory reactor included';

export async function run() {
  const rows = [];
  for (const [size, inFlight] of [
    [100, 1],
    [100, 64],
    [10_000, 64],
  ]) {
    // A shard of its own: a log in memory only grows.
    const shard = await memoryShard();
    const records = buildBatch([{ key: null, value: new Uint8Array(size) }], { timestampMs: shard.reactor.virtualClock.wallMs() });
    const topicData = [{ name: 't', partitionData: [{ index: 0, records }] }];
    const frame = payloadOf(ByteWriter, produceApi, 9, { acks: 1, timeoutMs: 1000, topicData });
    rows.push(measure(`Produce ${size} B, ${inFlight} a tick`, COUNT, (count) => drive(shard, frame, count, inFlight), NOTE));
  }
  return rows;
}
