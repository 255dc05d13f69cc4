// Random Produce requests as the generated codec encodes them, and mutations of them: for the walkers' tests.
import { ByteWriter } from '../../../../src/engine/base/byte-writer.ts';
import { CQ_SLOT_WORDS, DESC_WORDS } from '../../../../src/engine/io/tick-layout.ts';
import { encodeProduceRequest, type ProduceRequestInput } from '../../../../src/net/kafka/schema/generated/produce.ts';
import type { ProduceWalkerMemory } from '../../../../src/net/kafka/wire/produce-walker.ts';
import { sampleBatch, sampleRecords, seal } from '../../../engine/record/sample-batch.ts';

/** mulberry32: the same numbers on every machine. */
export class Dice {
  private state: number;
  constructor(seed: number) {
    this.state = seed;
  }
  below(bound: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * bound);
  }
  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }
}

export interface SampleProduce {
  readonly version: number;
  readonly request: ProduceRequestInput;
  readonly frame: Uint8Array;
}

/** Right as often as wrong; the wrong ones are mostly sealed again, so that they pass the CRC. */
function sampleProducedRecords(dice: Dice): Uint8Array | null {
  const kind = dice.below(12);
  if (kind === 0) return null;
  if (kind === 1) return new Uint8Array(0);
  const good = sampleBatch({
    records: sampleRecords(1 + dice.below(5), dice.below(60)),
    attributes: dice.pick([0, 0, 0, 1, 4, 5, 0x10, 0x40, 0x80]),
    producerId: dice.pick([-1n, 0n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)]),
    producerEpoch: dice.pick([-1, 0, 32767, -32768]),
    baseSequence: dice.pick([-1, 0, 2 ** 31 - 1]),
    maxTimestamp: dice.pick([1_700_000_000_004n, -1n, 2n ** 62n + 12345n]),
  });
  if (kind < 7) return good;
  if (kind === 7) return Buffer.concat([good, sampleBatch()]);
  const at = dice.below(good.length);
  good[at] = dice.below(256);
  return kind === 8 ? good.subarray(0, at) : kind === 9 ? good : seal(good);
}

export function sampleProduce(dice: Dice): SampleProduce {
  const version = 3 + dice.below(11);
  const topicData = Array.from({ length: dice.below(4) }, () => ({
    ...(version >= 13
      ? { topicId: Buffer.from(Array.from({ length: 16 }, () => dice.below(256))).toString('base64url') }
      : { name: 'topic-'.repeat(dice.below(4)) + String(dice.below(100)) }),
    partitionData: Array.from({ length: dice.below(4) }, () => ({
      index: dice.pick([0, 1, 7, -1, 2 ** 31 - 1]),
      records: sampleProducedRecords(dice),
    })),
  }));
  const request = {
    transactionalId: dice.pick([null, '', 'my-transaction']),
    acks: dice.pick([-1, 0, 1, 99]),
    timeoutMs: dice.pick([0, 30_000, -1]),
    topicData,
  };
  const writer = new ByteWriter();
  writer.int16(0);
  writer.int16(version);
  writer.int32(dice.below(1 << 30));
  writer.nullableString(dice.pick([null, '', 'a client']));
  if (version >= 9) writer.uvarint(0);
  encodeProduceRequest(writer, request, version);
  return { version, request, frame: writer.copy() };
}

export function mutate(dice: Dice, frame: Uint8Array): Uint8Array {
  let bytes = Buffer.from(frame);
  for (let changes = 1 + dice.below(3); changes > 0 && bytes.length > 1; changes--) {
    const at = dice.below(bytes.length);
    const kind = dice.below(6);
    if (kind === 0) bytes[at] = dice.below(256);
    else if (kind === 1) bytes[at]! ^= 1 << dice.below(8);
    else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), Buffer.of(dice.below(256)), bytes.subarray(at)]);
    else if (kind === 3) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
    else if (kind === 4) bytes[at] = dice.pick([0, 0x7f, 0x80, 0xff]);
    else bytes = bytes.subarray(0, at + 1);
  }
  return bytes;
}

/** A tick's memory holding the frame behind `offset` bytes that are nobody's. */
export function memoryFor(frame: Uint8Array, offset: number, capacity: number): ProduceWalkerMemory {
  const arena = new Uint8Array(offset + frame.length).fill(0xee);
  arena.set(frame, offset);
  const words = new ArrayBuffer(capacity * DESC_WORDS * 4);
  return {
    arena,
    view: new DataView(arena.buffer),
    cq: new Int32Array(CQ_SLOT_WORDS * 2),
    desc: new Int32Array(words),
    descF64: new Float64Array(words),
    descCapacity: capacity,
  };
}
