import { describe, expect, test } from 'vitest';
import { decodeSnapshot, encodeSnapshot } from '../../../src/engine/log/producer-snapshot.ts';
import {
  advanceSequence,
  GATEWAY_PRODUCER_ID_MIN,
  ProducerState,
  retreatSequence,
  SequenceVerdict,
} from '../../../src/engine/log/producer-state.ts';
import { BatchFacts } from '../../../src/engine/record/batch-facts.ts';

const MAX = 0x7fff_ffff;

/** epoch, base sequence, records */
type Step = readonly [number, number, number];

function facts([epoch, sequence, count]: Step): BatchFacts {
  const batch = new BatchFacts();
  batch.producerId = 1;
  batch.producerEpoch = epoch;
  batch.baseSequence = sequence;
  batch.lastOffsetDelta = count - 1;
  return batch;
}

/** Store the batches one after the other, whatever the rules say. */
function stored(steps: readonly Step[]): { state: ProducerState; end: number } {
  const state = new ProducerState();
  let end = 0;
  for (const [epoch, sequence, count] of steps) {
    end += count;
    state.record(1, epoch, sequence, end - 1, count - 1, 1000 + end);
  }
  return { state, end };
}

const { NEXT, DUPLICATE, OUT_OF_ORDER, OLD_EPOCH } = SequenceVerdict;

describe('the sequence rules', () => {
  const table: [string, Step[], Step, number][] = [
    ['an unknown producer may begin anywhere', [], [0, 17, 3], NEXT],
    ['the next sequence follows the last', [[0, 0, 3]], [0, 3, 2], NEXT],
    ['a gap is out of order', [[0, 0, 3]], [0, 4, 2], OUT_OF_ORDER],
    ['an overlap is out of order', [[0, 0, 3]], [0, 2, 2], OUT_OF_ORDER],
    ['the same batch again is a duplicate', [[0, 0, 3]], [0, 0, 3], DUPLICATE],
    ['the same first sequence with another length is not', [[0, 0, 3]], [0, 0, 2], OUT_OF_ORDER],
    [
      'the fifth last batch is remembered',
      [
        [0, 0, 1],
        [0, 1, 1],
        [0, 2, 1],
        [0, 3, 1],
        [0, 4, 1],
      ],
      [0, 0, 1],
      DUPLICATE,
    ],
    [
      'the sixth last is not',
      [
        [0, 0, 1],
        [0, 1, 1],
        [0, 2, 1],
        [0, 3, 1],
        [0, 4, 1],
        [0, 5, 1],
      ],
      [0, 0, 1],
      OUT_OF_ORDER,
    ],
    ['a lower epoch is fenced', [[3, 0, 1]], [2, 1, 1], OLD_EPOCH],
    ['a higher epoch begins at 0', [[3, 0, 1]], [4, 0, 1], NEXT],
    ['and nowhere else', [[3, 0, 1]], [4, 1, 1], OUT_OF_ORDER],
    [
      'a higher epoch forgets the older batches',
      [
        [3, 0, 1],
        [4, 0, 1],
      ],
      [4, 0, 1],
      DUPLICATE,
    ],
    [
      'an epoch known by its marker only begins at 0',
      [
        [3, 0, 1],
        [4, -1, 1],
      ],
      [4, 0, 1],
      NEXT,
    ],
    [
      'and nowhere else',
      [
        [3, 0, 1],
        [4, -1, 1],
      ],
      [4, 1, 1],
      OUT_OF_ORDER,
    ],
    ['after 2^31 - 1 comes 0', [[0, MAX, 1]], [0, 0, 1], NEXT],
    ['inside a batch too', [[0, MAX - 1, 4]], [0, 2, 1], NEXT],
    ['a duplicate may span the wrap', [[0, MAX - 1, 4]], [0, MAX - 1, 4], DUPLICATE],
    ['1 does not follow 2^31 - 1', [[0, MAX, 1]], [0, 1, 1], OUT_OF_ORDER],
  ];
  for (const [name, before, step, verdict] of table) {
    test(`${name}: ${JSON.stringify(step)}`, () => {
      expect(stored(before).state.check(facts(step))).toBe(verdict);
    });
  }

  test('a duplicate is answered with where it was stored', () => {
    const { state } = stored([
      [0, 0, 3],
      [0, 3, 2],
      [0, 5, 4],
    ]);
    expect(state.check(facts([0, 3, 2]))).toBe(DUPLICATE);
    expect([state.duplicateBaseOffset, state.duplicateEndOffset, state.duplicateTimestamp]).toEqual([3, 5, 1005]);
  });
});

test('sequences advance and retreat over the wrap', () => {
  expect([advanceSequence(MAX, 1), advanceSequence(MAX - 1, 3), advanceSequence(4, 2)]).toEqual([0, 1, 6]);
  expect([retreatSequence(0, 1), retreatSequence(1, 3), retreatSequence(4, 2)]).toEqual([MAX, MAX - 1, 2]);
});

test('keys of the gateway are forgotten by a time of their own', () => {
  const state = new ProducerState();
  state.record(1, 0, 0, 0, 0, 100);
  state.record(GATEWAY_PRODUCER_ID_MIN, 0, 7, 1, 0, 100);
  state.record(GATEWAY_PRODUCER_ID_MIN + 1, 0, 7, 2, 0, 900);
  expect(state.expire(1000, 5000, 500)).toBe(1);
  expect(state.list().map((producer) => producer.producerId)).toEqual([1, GATEWAY_PRODUCER_ID_MIN + 1]);
});

test('silent producers expire, those with an open transaction do not', () => {
  const state = new ProducerState();
  state.record(1, 0, 0, 0, 0, 100);
  state.record(2, 0, 0, 1, 0, 100);
  state.record(3, 0, 0, 2, 0, 900);
  state.entries.get(2)!.currentTxnFirstOffset = 1;
  expect(state.expire(1000, 500, 500)).toBe(1);
  expect(state.list().map((producer) => producer.producerId)).toEqual([2, 3]);
});

describe('snapshots', () => {
  const { state } = stored([
    [2, 7, 3],
    [2, 10, 2],
  ]);

  test('keep the last batch of each producer', () => {
    const loaded = new ProducerState();
    expect(decodeSnapshot(encodeSnapshot(state), 5, loaded)).toBe(true);
    expect(loaded.list()).toEqual(state.list());
    expect(loaded.check(facts([2, 10, 2]))).toBe(DUPLICATE);
    expect(loaded.duplicateBaseOffset).toBe(3);
    expect(loaded.check(facts([2, 12, 1]))).toBe(NEXT);
    expect(loaded.check(facts([2, 7, 3]))).toBe(OUT_OF_ORDER);
  });

  test('with any byte changed or missing are refused', () => {
    const bytes = encodeSnapshot(state);
    for (let i = 0; i < bytes.length; i++) {
      const loaded = new ProducerState();
      const harmed = bytes.slice();
      harmed[i] = harmed[i]! ^ 0x10;
      expect(decodeSnapshot(harmed, 5, loaded)).toBe(false);
      expect(decodeSnapshot(bytes.slice(0, i), 5, loaded)).toBe(false);
      expect(loaded.entries.size).toBe(0);
    }
  });

  test('are byte for byte what Kafka writes', () => {
    const one = new ProducerState();
    one.record(0x0102030405, 9, 100, 1234, 4, 0x0a0b0c0d0e);
    expect(
      Buffer.from(encodeSnapshot(one))
        .toString('hex')
        .replace(/^(0001).{8}/, '$1'),
    ).toBe(
      '0001' +
        '00000001' +
        '0000000102030405' +
        '0009' +
        '00000068' +
        '00000000000004d2' +
        '00000004' +
        '0000000a0b0c0d0e' +
        'ffffffff' +
        'ffffffffffffffff',
    );
  });
});
