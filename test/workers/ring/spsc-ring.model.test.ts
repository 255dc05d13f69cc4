// The ring's algorithm under every interleaving of two threads, on the real classes: order, no loss, no overwrite, no
// lost wake-up, in both directions (mail for the receiver, room for the sender). Then the same with one thing broken at
// a time: each must be caught, or the check above proves nothing.

import { describe, expect, it } from 'vitest';
import { BELL_WORDS, BellWord, Doorbell } from '../../../src/workers/ring/doorbell.ts';
import { RingConsumer } from '../../../src/workers/ring/ring-consumer.ts';
import { RingProducer } from '../../../src/workers/ring/ring-producer.ts';
import { Sleeper } from '../../../src/workers/ring/sleeper.ts';
import { allocateRing, openRing, RingWord, SlotField } from '../../../src/workers/ring/spsc-ring.ts';
import { InterleavingExplorer } from './interleaving-explorer.ts';
import type { Actor, Exploration, TickEnd } from './interleaving-explorer.ts';

const SENDER = 0;
const RECEIVER = 1;

interface Parts {
  readonly producer: RingProducer;
  readonly consumer: RingConsumer;
  readonly senderSleeper: Sleeper;
  readonly receiverSleeper: Sleeper;
}

interface Model {
  readonly slots: number;
  readonly arenaBytes: number;
  /** Payload bytes of each message. */
  readonly payloads: readonly number[];
  readonly batch: number;
  /** How threads are woken. */
  readonly wakeBy: 'fd' | 'notify';
  readonly otherWakes?: number;
  /** First message's count: near 2^31 the indexes wrap. */
  readonly start?: number;
  readonly fences?: boolean;
  readonly publishBeforeFill?: boolean;
  readonly releaseBeforeRead?: boolean;
  /** Break something. */
  readonly damage?: (parts: Parts) => void;
}

/** Byte i of message `count`'s payload. */
function payloadByte(count: number, i: number): number {
  return (count * 31 + i * 7 + 1) & 0xff;
}

class SendingThread implements Actor {
  readonly name = 'sender';
  readonly objects: readonly object[];
  readonly otherWakes: number;
  private readonly model: Model;
  private readonly parts: Parts;
  private count = 0;

  constructor(model: Model, parts: Parts) {
    this.model = model;
    this.parts = parts;
    this.otherWakes = model.otherWakes ?? 0;
    this.objects = [this, parts.producer, parts.senderSleeper];
  }

  iterate(): TickEnd {
    const { producer, senderSleeper } = this.parts;
    const { payloads, batch } = this.model;
    senderSleeper.awake();
    producer.takeSpaceCame();
    let refused = false;
    for (let n = 0; n < batch && this.count < payloads.length; n++) {
      const length = payloads[this.count]!;
      const at = producer.claim(length);
      refused = at < 0;
      if (refused) break;
      if (this.model.publishBeforeFill === true) producer.publish();
      producer.words[at + SlotField.TICKET] = this.count;
      for (let i = 0; i < length; i++) producer.bytes[producer.payloadOffset + i] = payloadByte(this.count, i);
      this.count++;
    }
    producer.publish();
    if (this.count === payloads.length) return 'done';
    return refused && senderSleeper.prepareToSleep() ? 'sleep' : 'run';
  }

  wake(): void {
    Reflect.get(this.parts.senderSleeper, 'rung').call(undefined);
  }
}

class ReceivingThread implements Actor {
  readonly name = 'receiver';
  readonly objects: readonly object[];
  readonly otherWakes: number;
  private readonly model: Model;
  private readonly parts: Parts;
  private count = 0;

  constructor(model: Model, parts: Parts) {
    this.model = model;
    this.parts = parts;
    this.otherWakes = model.otherWakes ?? 0;
    this.objects = [this, parts.consumer, parts.receiverSleeper];
  }

  iterate(): TickEnd {
    const { consumer, receiverSleeper } = this.parts;
    receiverSleeper.awake();
    for (let n = 0; n < this.model.batch; n++) {
      const at = consumer.next();
      if (at < 0) break;
      if (this.model.releaseBeforeRead === true) consumer.release();
      this.verify(at);
      this.count++;
    }
    consumer.release();
    if (this.count === this.model.payloads.length) return 'done';
    return receiverSleeper.prepareToSleep() ? 'sleep' : 'run';
  }

  wake(): void {
    Reflect.get(this.parts.receiverSleeper, 'rung').call(undefined);
  }

  private verify(at: number): void {
    const { words, bytes } = this.parts.consumer;
    if (words[at + SlotField.TICKET] !== this.count) throw new Error(`message ${words[at + SlotField.TICKET]} at ${this.count}`);
    const length = words[at + SlotField.PAYLOAD_LENGTH]!;
    if (length !== this.model.payloads[this.count]) throw new Error(`length ${length} of message ${this.count}`);
    const offset = words[at + SlotField.PAYLOAD_OFFSET]!;
    for (let i = 0; i < length; i++) {
      if (bytes[offset + i] !== payloadByte(this.count, i)) throw new Error(`byte ${i} of message ${this.count} is wrong`);
    }
  }
}

function explore(model: Model): Exploration {
  const handle = allocateRing(model.slots, model.arenaBytes);
  const ring = openRing(handle);
  ring.words[RingWord.TAIL] = model.start ?? 0;
  ring.words[RingWord.HEAD] = model.start ?? 0;
  const bells = new Int32Array(new SharedArrayBuffer(2 * BELL_WORDS * 4));
  for (const thread of [SENDER, RECEIVER]) bells[thread * BELL_WORDS + BellWord.WAKE_FD] = model.wakeBy === 'fd' ? thread : -1;
  // The explorer is needed by the bells and needs the actors: it is called only later.
  let explorer: InterleavingExplorer | null = null;
  const signal = (fd: number): void => explorer!.signal(fd);
  const producer = new RingProducer(ring, new Doorbell(bells, RECEIVER, signal));
  const consumer = new RingConsumer(ring, new Doorbell(bells, SENDER, signal));
  const nothing = (): void => undefined;
  const senderSleeper = new Sleeper(bells, SENDER, [], [producer], nothing);
  const receiverSleeper = new Sleeper(bells, RECEIVER, [consumer], [], nothing);
  if (model.wakeBy === 'fd') {
    senderSleeper.useWakeFd(SENDER);
    receiverSleeper.useWakeFd(RECEIVER);
  }
  const parts = { producer, consumer, senderSleeper, receiverSleeper };
  model.damage?.(parts);
  const actors = [new SendingThread(model, parts), new ReceivingThread(model, parts)];
  explorer = new InterleavingExplorer([ring.words, bells], actors, model.fences ?? true);
  return explorer.explore();
}

const twoSlots: Model = { slots: 2, arenaBytes: 32, payloads: [8, 0, 16, 8, 3], batch: 2, wakeBy: 'fd' };
/** Slots to spare, arena not: 16 + 16 fill it, and 9 rounds up to 16. */
const tightArena: Model = { slots: 4, arenaBytes: 32, payloads: [8, 16, 9, 16, 8], batch: 3, wakeBy: 'fd' };

describe('every interleaving of sender and receiver', () => {
  const models: readonly [string, Model][] = [
    ['two slots, descriptors', twoSlots],
    ['two slots, notify', { ...twoSlots, wakeBy: 'notify' }],
    ['one message a batch', { ...twoSlots, batch: 1, payloads: [8, 16, 3, 16] }],
    ['tight arena, descriptors', tightArena],
    ['tight arena, notify', { ...tightArena, wakeBy: 'notify' }],
    ['other wake-ups, descriptors', { ...twoSlots, otherWakes: 1, payloads: [8, 16, 3] }],
    ['other wake-ups, notify', { ...twoSlots, wakeBy: 'notify', otherWakes: 1, payloads: [8, 16, 3] }],
    ['indexes wrap past 2^31', { ...twoSlots, start: 0x7ffffffe }],
    ['indexes wrap past 2^32', { ...tightArena, start: -2 }],
  ];
  it.each(models)('%s: in order, whole, awake', (_name, model) => {
    const result = explore(model);
    expect(result.violation).toBeNull();
    expect(result.ends).toBeGreaterThan(0);
    // The count is of distinct states: a model that stopped interleaving would have a handful.
    expect(result.states).toBeGreaterThan(1_000);
  });
});

describe('the check sees what is broken', () => {
  it('stores without a fence lose a wake-up', () => {
    expect(explore({ ...twoSlots, fences: false }).violation).toMatch(/lost wake-up/);
  });

  it('no second look before sleeping loses a wake-up', () => {
    const damage = ({ receiverSleeper }: Parts): void => void Reflect.set(receiverSleeper, 'hasWork', () => false);
    expect(explore({ ...twoSlots, damage }).violation).toMatch(/lost wake-up: .*receiver sleep/);
  });

  it('a sender that does not look for room before sleeping is never told', () => {
    const damage = ({ senderSleeper }: Parts): void => void Reflect.set(senderSleeper, 'hasWork', () => false);
    expect(explore({ ...twoSlots, damage }).violation).toMatch(/lost wake-up: sender sleep/);
  });

  it('publishing without a look at the bell leaves the receiver asleep', () => {
    const damage = ({ producer }: Parts): void => void Reflect.set(Reflect.get(producer, 'bell'), 'ring', () => undefined);
    expect(explore({ ...twoSlots, damage }).violation).toMatch(/lost wake-up: .*receiver sleep/);
  });

  it('giving back without a look at WANTS_SPACE leaves the sender asleep', () => {
    const damage = ({ consumer }: Parts): void =>
      void Reflect.set(consumer, 'release', () => {
        Atomics.store(consumer.words, RingWord.HEAD, Reflect.get(consumer, 'cursor') as number);
      });
    expect(explore({ ...twoSlots, damage }).violation).toMatch(/lost wake-up: sender sleep/);
  });

  it('asking for room after the last look at HEAD leaves the sender asleep', () => {
    const damage = ({ producer }: Parts): void =>
      void Reflect.set(producer, 'roomAfterRefresh', (bytes: number) => {
        (Reflect.get(producer, 'refreshHead') as () => void).call(producer);
        const start = (Reflect.get(producer, 'roomFor') as (bytes: number) => number).call(producer, bytes);
        if (start >= 0) return start;
        producer.publish();
        Atomics.store(producer.words, RingWord.WANTS_SPACE, 1);
        Reflect.set(producer, 'starved', true);
        return -1;
      });
    expect(explore({ ...twoSlots, damage }).violation).toMatch(/lost wake-up: sender sleep/);
  });

  it('publishing before the slot is written shows old bytes', () => {
    expect(explore({ ...twoSlots, publishBeforeFill: true }).violation).toMatch(/message|byte|length/);
  });

  it('giving back before reading lets the sender overwrite', () => {
    expect(explore({ ...twoSlots, releaseBeforeRead: true }).violation).toMatch(/message|byte|length/);
  });

  it('an arena that forgets what is in use is overwritten', () => {
    const damage = ({ producer }: Parts): void => {
      const roomFor = (Reflect.get(producer, 'roomFor') as (bytes: number) => number).bind(producer);
      Reflect.set(producer, 'roomFor', (bytes: number) => {
        Reflect.set(producer, 'arenaHead', Reflect.get(producer, 'arenaTail'));
        return roomFor(bytes);
      });
    };
    expect(explore({ ...tightArena, damage }).violation).toMatch(/byte/);
  });

  it('one slot too many is overwritten', () => {
    const damage = ({ producer }: Parts): void => {
      const roomFor = (Reflect.get(producer, 'roomFor') as (bytes: number) => number).bind(producer);
      Reflect.set(producer, 'roomFor', (bytes: number) => {
        const head = Reflect.get(producer, 'head') as number;
        Reflect.set(producer, 'head', (head + 1) | 0);
        const start = roomFor(bytes);
        Reflect.set(producer, 'head', head);
        return start;
      });
    };
    expect(explore({ ...twoSlots, arenaBytes: 128, damage }).violation).toMatch(/message|byte|length/);
  });

  it('waiting that is not armed again sleeps for ever', () => {
    const damage = ({ receiverSleeper }: Parts): void => void Reflect.set(receiverSleeper, 'wakeUp', () => undefined);
    expect(explore({ ...twoSlots, wakeBy: 'notify', damage }).violation).toMatch(/lost wake-up: .*receiver sleep/);
  });
});
