// Valid frames made wrong at random, always the same way for the same number. Owner: tests; pure.

/** mulberry32: small, and good enough to choose bytes. */
class Randomness {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 0;
  }

  /** [0, 1) */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }

  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }
}

/** What a length or a count should not be. */
const INTS = [0, 1, -1, -2, 2, 127, 128, 255, 256, 32767, 32768, 65535, 1 << 20, 0x7fff_ffff, -0x8000_0000, 0x7fff_fff0];
const PREFIX_BYTES = 4;

type Mutation = (frame: Buffer, random: Randomness, corpus: readonly Buffer[]) => Buffer;

const flipBit: Mutation = (frame, random) => {
  const changed = Buffer.from(frame);
  changed[random.below(changed.length)]! ^= 1 << random.below(8);
  return changed;
};

const changeByte: Mutation = (frame, random) => {
  const changed = Buffer.from(frame);
  changed[random.below(changed.length)] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)]);
  return changed;
};

const changeInt16: Mutation = (frame, random) => {
  const changed = Buffer.from(frame);
  if (changed.length >= 2) changed.writeInt16BE((random.pick(INTS) << 16) >> 16, random.below(changed.length - 1));
  return changed;
};

const changeInt32: Mutation = (frame, random) => {
  const changed = Buffer.from(frame);
  if (changed.length >= 4) changed.writeInt32BE(random.pick(INTS), random.below(changed.length - 3));
  return changed;
};

/** One more or one less, where it may be a length. */
const nudge: Mutation = (frame, random) => {
  const changed = Buffer.from(frame);
  const at = random.below(changed.length);
  changed[at] = changed[at]! + random.pick([1, -1, 2, -2]);
  return changed;
};

const truncate: Mutation = (frame, random) => frame.subarray(0, random.below(frame.length + 1));

const insert: Mutation = (frame, random) => {
  const at = random.below(frame.length + 1);
  const more = Buffer.alloc(1 + random.below(random.next() < 0.1 ? 5000 : 12), random.below(256));
  return Buffer.concat([frame.subarray(0, at), more, frame.subarray(at)]);
};

const remove: Mutation = (frame, random) => {
  const at = random.below(frame.length);
  return Buffer.concat([frame.subarray(0, at), frame.subarray(at + 1 + random.below(16))]);
};

const duplicate: Mutation = (frame, random) => {
  const at = random.below(frame.length);
  const end = at + 1 + random.below(frame.length - at);
  return Buffer.concat([frame.subarray(0, end), frame.subarray(at, end), frame.subarray(end)]);
};

const splice: Mutation = (frame, random, corpus) => {
  const other = random.pick(corpus);
  return Buffer.concat([frame.subarray(0, random.below(frame.length + 1)), other.subarray(random.below(other.length + 1))]);
};

/** Another version's or another API's body. */
const changeHead: Mutation = (frame, random, corpus) => {
  const other = random.pick(corpus);
  return Buffer.concat([other.subarray(0, PREFIX_BYTES + 4), frame.subarray(PREFIX_BYTES + 4)]);
};

const MUTATIONS: readonly Mutation[] = [
  flipBit,
  flipBit,
  flipBit,
  changeByte,
  changeByte,
  changeInt16,
  changeInt16,
  changeInt32,
  changeInt32,
  nudge,
  nudge,
  truncate,
  insert,
  remove,
  duplicate,
  splice,
  changeHead,
];

/** Mutation number `index` of a corpus of whole frames, length prefixes included. */
export function mutatedFrame(corpus: readonly Buffer[], seed: number, index: number): Buffer {
  const random = new Randomness(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  const original = random.pick(corpus);
  let payload: Buffer = original;
  for (let left = random.next() < 0.6 ? 1 : 2 + random.below(2); left > 0 && payload.length > 0; left--)
    payload = random.pick(MUTATIONS)(payload, random, corpus);
  // Mostly the length is made right again, so that what is inside gets read.
  if (payload.length >= PREFIX_BYTES && random.next() < 0.9) {
    payload = Buffer.from(payload);
    payload.writeInt32BE(payload.length - PREFIX_BYTES);
  }
  return payload;
}
