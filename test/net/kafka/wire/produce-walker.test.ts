// The Produce walker against the generated codec: what was encoded is what is found; anything else is refused; nothing
// is written outside the slot and the descriptors given; nothing is allocated.
import { getHeapStatistics } from 'node:v8';
import { expect, test } from 'vitest';
import { portableCrc32c } from '../../../../src/engine/base/crc32c.ts';
import { BatchStatus, CQ_SLOT_WORDS, DESC_WORDS, Desc, Frame, FrameStatus } from '../../../../src/engine/io/tick-layout.ts';
import { walkProduce } from '../../../../src/net/kafka/wire/produce-walker.ts';
import { sampleBatch } from '../../../engine/record/sample-batch.ts';
import { Dice, memoryFor, mutate, sampleProduce, type SampleProduce } from './sample-produce.ts';

const SLOT = CQ_SLOT_WORDS;
const OFFSET = 11;
const FIRST = 2;

function walk(frame: Uint8Array, capacity = 64) {
  const memory = memoryFor(frame, OFFSET, capacity);
  memory.cq.fill(0x5a5a);
  memory.desc.fill(0x5a5a);
  walkProduce(memory, SLOT, OFFSET, frame.length, FIRST);
  return { ...memory, slot: memory.cq.subarray(SLOT) };
}

function expectFound({ request, version, frame }: SampleProduce): void {
  const { slot, desc, arena } = walk(frame);
  const text = (at: number, length: number): string => Buffer.from(arena).toString('latin1', at, at + length);
  const entries = request.topicData.flatMap((topic) => topic.partitionData.map((partition, i) => ({ topic, partition, first: i === 0 })));
  expect(slot[Frame.STATUS]).toBe(FrameStatus.OK);
  expect([slot[Frame.DESC_FIRST], slot[Frame.DESC_COUNT]]).toEqual([FIRST, entries.length]);
  expect([slot[Frame.ACKS], slot[Frame.TIMEOUT_MS]]).toEqual([request.acks, request.timeoutMs]);
  const txnId = request.transactionalId ?? null;
  expect(slot[Frame.TXN_ID_LENGTH]).toBe(txnId === null ? -1 : txnId.length);
  if (txnId !== null) expect(text(slot[Frame.TXN_ID_OFFSET]!, txnId.length)).toBe(txnId);
  entries.forEach(({ topic, partition, first }, i) => {
    const d = (FIRST + i) * DESC_WORDS;
    const key = version >= 13 ? Buffer.from(topic.topicId!, 'base64url') : Buffer.from(topic.name!);
    expect(desc[d + Desc.TOPIC_LENGTH]).toBe(version >= 13 ? -1 : key.length);
    expect(text(desc[d + Desc.TOPIC_OFFSET]!, key.length)).toBe(key.toString('latin1'));
    expect(desc[d + Desc.TOPIC_HASH]).toBe(portableCrc32c(key, 0, key.length));
    expect(desc[d + Desc.PARTITION]).toBe(partition.index);
    expect(desc[d + Desc.TOPIC_START]).toBe(first ? 1 : 0);
    expect(desc[d + Desc.TOPIC_PARTITIONS]).toBe(first ? topic.partitionData.length : 0);
    expect(desc[d + Desc.RECORDS_LENGTH]).toBe(partition.records === null ? -1 : partition.records.length);
    if (partition.records !== null) {
      const at = desc[d + Desc.RECORDS_OFFSET]!;
      expect(Buffer.compare(arena.subarray(at, at + partition.records.length), partition.records)).toBe(0);
    }
    const empty = partition.records === null || partition.records.length === 0;
    expect(desc[d + Desc.STATUS] === BatchStatus.EMPTY).toBe(empty);
  });
}

test('finds what the generated codec encoded, in every version', () => {
  const dice = new Dice(1);
  const versions = new Set<number>();
  for (let round = 0; round < 2000; round++) {
    const sample = sampleProduce(dice);
    versions.add(sample.version);
    expectFound(sample);
  }
  expect(versions.size).toBe(11);
});

test('a frame cut anywhere, or with bytes left over, is malformed', () => {
  const dice = new Dice(2);
  for (let round = 0; round < 40; round++) {
    const { frame } = sampleProduce(dice);
    for (let length = 0; length < frame.length; length++) {
      const { slot } = walk(frame.subarray(0, length));
      if (slot[Frame.STATUS] !== FrameStatus.MALFORMED || slot[Frame.DESC_COUNT] !== 0) expect.fail(`cut at ${length} of ${frame.length}`);
    }
    expect(walk(Buffer.concat([frame, Buffer.alloc(1)])).slot[Frame.STATUS]).toBe(FrameStatus.MALFORMED);
  }
});

test('other versions are refused', () => {
  const { frame } = sampleProduce(new Dice(3));
  for (const version of [-1, 0, 2, 14, 32767]) {
    const bytes = Buffer.from(frame);
    bytes.writeInt16BE(version, 2);
    expect(walk(bytes).slot[Frame.STATUS]).toBe(FrameStatus.MALFORMED);
  }
});

test('a compact string is no longer than a plain one could be', () => {
  const status = (nameBytes: number): number => {
    const length = nameBytes + 1;
    const uvarint = [(length & 0x7f) | 0x80, ((length >>> 7) & 0x7f) | 0x80, length >>> 14];
    // Version 9: no client id, no tags, no transactional id; acks, timeout, one topic of this name without partitions.
    const head = [0, 0, 0, 9, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 1, 2];
    return walk(Buffer.concat([Buffer.from([...head, ...uvarint]), Buffer.alloc(nameBytes, 110), Buffer.from([1, 0, 0])])).slot[
      Frame.STATUS
    ]!;
  };
  expect(status(32767)).toBe(FrameStatus.OK);
  expect(status(32768)).toBe(FrameStatus.MALFORMED);
});

test('more entries than descriptors are left', () => {
  const dice = new Dice(4);
  for (let round = 0; round < 300; round++) {
    const { request, frame } = sampleProduce(dice);
    const entries = request.topicData.reduce((sum, topic) => sum + topic.partitionData.length, 0);
    const capacity = FIRST + dice.below(8);
    const { slot } = walk(frame, capacity);
    const fits = entries <= capacity - FIRST;
    expect(slot[Frame.STATUS]).toBe(fits ? FrameStatus.OK : FrameStatus.TOO_MANY_PARTITIONS);
    expect(slot[Frame.DESC_COUNT]).toBe(fits ? entries : 0);
  }
});

test('mutated frames: never an exception, nothing outside the frame, the slot and the descriptors', () => {
  const dice = new Dice(5);
  const seen = [0, 0, 0];
  for (let round = 0; round < 20_000; round++) {
    const frame = mutate(dice, sampleProduce(dice).frame);
    const { slot, cq, desc, descCapacity } = walk(frame, FIRST + dice.below(6));
    seen[slot[Frame.STATUS]!]!++;
    const count = slot[Frame.DESC_COUNT]!;
    const inside = (at: number, length: number): boolean => at >= OFFSET && length >= 0 && at + length <= OFFSET + frame.length;
    let good = FIRST + count <= descCapacity && cq.subarray(0, SLOT).every((word) => word === 0x5a5a);
    good &&= desc.subarray(0, FIRST * DESC_WORDS).every((word) => word === 0x5a5a);
    for (let d = FIRST * DESC_WORDS; d < (FIRST + count) * DESC_WORDS; d += DESC_WORDS) {
      const nameLength = desc[d + Desc.TOPIC_LENGTH]!;
      good &&= inside(desc[d + Desc.TOPIC_OFFSET]!, nameLength === -1 ? 16 : nameLength);
      good &&= inside(desc[d + Desc.RECORDS_OFFSET]!, Math.max(desc[d + Desc.RECORDS_LENGTH]!, 0));
    }
    if (!good) expect.fail(`round ${round}: ${Buffer.from(frame).toString('hex')}`);
  }
  expect(Math.min(...seen)).toBeGreaterThan(100);
});

test('nothing is allocated per request', () => {
  const dice = new Dice(6);
  let sample = sampleProduce(dice);
  while (sample.request.topicData.flatMap((topic) => topic.partitionData).length < 4) sample = sampleProduce(dice);
  const memory = memoryFor(sample.frame, OFFSET, 64);
  const run = (times: number): void => {
    for (let i = 0; i < times; i++) walkProduce(memory, SLOT, OFFSET, sample.frame.length, FIRST);
  };
  run(20_000);
  const requests = 5000;
  let leastBytes = Infinity;
  for (let attempt = 0; attempt < 10; attempt++) {
    const before = getHeapStatistics().used_heap_size;
    run(requests);
    const grown = getHeapStatistics().used_heap_size - before;
    // A collection in between makes it negative and says nothing.
    if (grown >= 0) leastBytes = Math.min(leastBytes, grown / requests);
  }
  expect(leastBytes).toBeLessThan(1);
});

test('the batch of an entry is described where it lies', () => {
  const dice = new Dice(7);
  let sample = sampleProduce(dice);
  const good = sampleBatch();
  while (
    !sample.request.topicData.some((topic) =>
      topic.partitionData.some(({ records }) => records !== null && Buffer.compare(records, good) !== 0 && records.length > 200),
    )
  ) {
    sample = sampleProduce(dice);
  }
  const { desc, descF64, slot, view } = walk(sample.frame);
  for (let i = FIRST; i < FIRST + slot[Frame.DESC_COUNT]!; i++) {
    const d = i * DESC_WORDS;
    if (desc[d + Desc.RECORDS_LENGTH]! < 61) continue;
    const at = desc[d + Desc.RECORDS_OFFSET]!;
    expect(desc[d + Desc.RECORD_COUNT]).toBe(view.getInt32(at + 57));
    expect(descF64[d / 2 + Desc.PRODUCER_ID_F64]).toBe(Number(view.getBigInt64(at + 43)));
  }
});
