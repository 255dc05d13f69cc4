// PartitionQueue against a model of the log: whatever fails for the moment, and however often, every record is stored once
// and in the order sent.

import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PartitionQueue } from '../../src/embed/partition-queue.ts';
import { RecordEncoder } from '../../src/embed/record-encoder.ts';
import { ErrorCode } from '../../src/engine/base/error-code.ts';
import type { TopicImage } from '../../src/engine/metadata/metadata-image.ts';
import { BatchHeader } from '../../src/engine/record/batch-header.ts';
import { recordsIn } from '../../src/engine/record/log-records.ts';
import { BatchArena } from '../../src/workers/caller/batch-arena.ts';
import { systemTimers } from '../../src/engine/base/clock.ts';
import type { AppendListener, CallerAppends } from '../../src/workers/caller/caller-appends.ts';

type Outcome = 'stored' | 'refused' | 'stored, answer lost' | 'too large';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A partition that remembers a producer's last five batches, as the log does. */
class ModelLog {
  readonly values: string[] = [];
  private readonly producers = new Map<number, { next: number; recent: Map<number, number> }>();
  private readonly outcomes: Outcome[];

  constructor(outcomes: readonly Outcome[]) {
    this.outcomes = [...outcomes];
  }

  append(bytes: Uint8Array): { error: number; offset: number } {
    const outcome = this.outcomes.shift() ?? 'stored';
    if (outcome === 'too large') return { error: ErrorCode.MESSAGE_TOO_LARGE, offset: -1 };
    if (outcome === 'refused') return { error: ErrorCode.KAFKA_STORAGE_ERROR, offset: -1 };
    const { producerId, baseSequence, recordCount } = new BatchHeader(new DataView(bytes.buffer, bytes.byteOffset), 0);
    const known = this.producers.get(producerId) ?? { next: 0, recent: new Map<number, number>() };
    this.producers.set(producerId, known);
    const duplicate = known.recent.get(baseSequence);
    if (duplicate !== undefined) return { error: ErrorCode.NONE, offset: duplicate };
    if (baseSequence !== known.next) return { error: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, offset: -1 };
    known.next += recordCount;
    const offset = this.values.length;
    known.recent.set(baseSequence, offset);
    if (known.recent.size > 5) known.recent.delete(known.recent.keys().next().value!);
    for (const { value } of recordsIn(bytes)) this.values.push(Buffer.from(value!).toString());
    return outcome === 'stored' ? { error: ErrorCode.NONE, offset } : { error: ErrorCode.KAFKA_STORAGE_ERROR, offset: -1 };
  }
}

function openQueue(log: ModelLog) {
  const arena = new BatchArena(new SharedArrayBuffer(1024 * 1024));
  const answers: (() => void)[] = [];
  let ids = 0;
  const appends = {
    arena,
    send: (
      _topic: TopicImage,
      _partition: number,
      at: number,
      length: number,
      _keyless: boolean,
      _acks: number,
      listener: AppendListener,
    ) => {
      const { error, offset } = log.append(arena.bytes.slice(at, at + length));
      answers.push(() => listener.onAppended(error, offset, -1, 0));
    },
  } as unknown as CallerAppends;
  const terms = {
    appends,
    timers: systemTimers,
    acks: 1,
    lingerMs: 0,
    deliveryTimeoutMs: 1e9,
    idempotent: true,
    nextProducerId: async () => ids++,
    settled: () => undefined,
  };
  return { queue: new PartitionQueue({ name: 't' } as TopicImage, 0, 4096, terms), arena, answers };
}

const outcome = fc.constantFrom<Outcome>('stored', 'stored', 'refused', 'stored, answer lost');

test('records are stored once and in order', async () => {
  const step = fc.oneof(fc.constant('send'), fc.constant('answer'), fc.constant('wait'));
  await fc.assert(
    fc.asyncProperty(fc.array(outcome, { maxLength: 30 }), fc.array(step, { maxLength: 60 }), async (outcomes, steps) => {
      await run(outcomes, steps, []);
    }),
    { numRuns: 200 },
  );
});

test('one that is refused for good takes none of the others with it', async () => {
  const few = fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 6 }));
  await fc.assert(
    fc.asyncProperty(few, async ([before, behind]) => {
      const outcomes: Outcome[] = [...Array.from({ length: before }, () => 'stored' as const), 'too large'];
      // Each a batch of its own: only the first would wait for the producer id with others.
      const steps = Array.from({ length: before + 1 + behind }, () => ['send', 'wait']).flat();
      await run(outcomes, steps, [before]);
    }),
    { numRuns: 25 },
  );
});

async function run(outcomes: readonly Outcome[], steps: readonly string[], refused: readonly number[]): Promise<void> {
  const log = new ModelLog(outcomes);
  const { queue, arena, answers } = openQueue(log);
  const encoder = new RecordEncoder();
  const heard: (number | string)[] = [];
  let sent = 0;
  const send = (): void => {
    const index = sent++;
    encoder.prepare(null, String(index), undefined);
    const bytes = queue.blockFor(encoder, 0);
    if (bytes > 0) queue.begin(arena.take(bytes), bytes);
    queue.add(encoder, 0, {
      onStored: (_partition, first, count) => expect([(heard[index] = first), count]).toEqual([first, 1]),
      onFailed: (error) => (heard[index] = error.message),
    });
    queue.dispatch();
  };
  for (const step of steps) {
    if (step === 'send') send();
    else if (step === 'answer') answers.shift()?.();
    else await vi.advanceTimersByTimeAsync(25);
  }
  for (let round = 0; round < 500 && !queue.idle; round++) {
    answers.shift()?.();
    await vi.advanceTimersByTimeAsync(25);
  }
  expect(queue.idle).toBe(true);
  const stored = Array.from({ length: sent }, (_, i) => i).filter((i) => !refused.includes(i));
  expect(log.values).toEqual(stored.map(String));
  stored.forEach((index, offset) => expect(heard[index]).toBe(offset));
  for (const index of refused) if (index < sent) expect(heard[index]).toMatch(/MESSAGE_TOO_LARGE/);
  expect(arena.takenBytes).toBe(0);
}
