// Explicit-state model checker for the ring: runs the real classes under every interleaving of their shared accesses.
// Owner: the test's thread; "threads" of the model are actors stepped one Atomics call at a time.
//
// An actor is a loop; one iterate() is one tick of a thread. While exploring, Atomics is replaced: a call either replays
// the result it had in this history, or is executed on the modelled memory and ends the step by an exception. So a step
// is "the plain accesses since the last Atomics call, then one Atomics call". Conflicting plain accesses are thereby
// tried in both orders wherever no Atomics call orders them, which is what a data race is. Between ticks an actor's
// state is the numbers, flags and private arrays in its objects; they are captured and put back.
//
// `fences: false` gives each actor a store buffer, as a processor has when a store is not followed by a fence: an
// Atomics.store is seen by others only at some later step. The Dekker handshakes must fail then, or they prove nothing.

import { createHash } from 'node:crypto';

export type TickEnd = 'run' | 'sleep' | 'done';

export interface Actor {
  readonly name: string;
  /** Objects whose fields are this actor's local state. */
  readonly objects: readonly object[];
  iterate(): TickEnd;
  /** The bell's callback, run when the actor wakes. */
  wake(): void;
  /** Wake-ups by something else than the bell (a socket) to try. */
  readonly otherWakes: number;
}

export interface Exploration {
  readonly states: number;
  readonly ends: number;
  /** null: every interleaving is right. Otherwise what went wrong, and the steps that led there. */
  readonly violation: string | null;
}

interface Step {
  readonly value: unknown;
  readonly memoryBefore: Int32Array;
}

interface ActorState {
  readonly fields: readonly unknown[];
  readonly history: readonly Step[];
  readonly status: TickEnd;
  readonly rung: boolean;
  readonly waiting: boolean;
  readonly otherWakes: number;
  readonly buffer: readonly (readonly [number, number])[];
}

interface State {
  readonly memory: Int32Array;
  readonly actors: readonly ActorState[];
}

interface Outcome {
  label: string;
  value: unknown;
  rung: number;
  waiting: boolean | null;
  buffer: readonly (readonly [number, number])[];
}

const PREEMPTED = Symbol('preempted');
const MAX_STATES = 2_000_000;

export class InterleavingExplorer {
  private readonly memories: readonly Int32Array<SharedArrayBuffer>[];
  private readonly actors: readonly Actor[];
  private readonly fences: boolean;
  private readonly seen = new Set<string>();
  private readonly path: string[] = [];
  private readonly waitIndexes = new Map<number, number>();
  private ends = 0;
  private violation: string | null = null;
  private running: { state: State; actor: number; op: number; outcome: Outcome | null } | null = null;

  /** Actor i is woken through signal(i); waitAsync waiters through notify. */
  constructor(memories: readonly Int32Array<SharedArrayBuffer>[], actors: readonly Actor[], fences: boolean) {
    this.memories = memories;
    this.actors = actors;
    this.fences = fences;
  }

  /** Stands for the addon's signal(fd), the descriptor being the actor's number. */
  readonly signal = (fd: number): void => {
    this.operate(`signal ${this.actors[fd]!.name}`, (outcome) => {
      outcome.rung = fd;
    });
  };

  explore(): Exploration {
    const restore = this.replaceAtomics();
    try {
      const first: State = {
        memory: this.readMemory(),
        actors: this.actors.map((actor) => ({
          fields: capture(actor.objects),
          history: [],
          status: 'run',
          rung: false,
          waiting: false,
          otherWakes: actor.otherWakes,
          buffer: [],
        })),
      };
      this.visit(first);
    } finally {
      restore();
    }
    return { states: this.seen.size, ends: this.ends, violation: this.violation };
  }

  private visit(state: State): void {
    const key = keyOf(state);
    if (this.seen.has(key) || this.violation !== null) return;
    this.seen.add(key);
    if (this.seen.size > MAX_STATES) throw new Error('the model is too large to explore');
    let enabled = 0;
    for (let i = 0; i < state.actors.length; i++) {
      for (const [label, next] of this.successors(state, i)) {
        enabled++;
        this.path.push(label);
        if (typeof next === 'string') this.fail(next);
        else this.visit(next);
        this.path.pop();
      }
    }
    if (enabled > 0) return;
    if (state.actors.every((actor) => actor.status === 'done')) this.ends++;
    else this.fail(`lost wake-up: ${state.actors.map((a, i) => `${this.actors[i]!.name} ${a.status}`).join(', ')}`);
  }

  private fail(what: string): void {
    this.violation ??= `${what}\n  after ${this.path.join('\n        ')}`;
  }

  private *successors(state: State, i: number): Generator<[string, State | string]> {
    const actor = state.actors[i]!;
    const { name } = this.actors[i]!;
    if (actor.buffer.length > 0) yield [`${name}: store reaches memory`, this.flushed(state, i)];
    if (actor.status === 'done') return;
    if (actor.status === 'run') {
      yield this.stepped(state, i);
    } else if (actor.rung || actor.otherWakes > 0) {
      yield [`${name}: ${actor.rung ? 'woken by the bell' : 'woken by something else'}`, this.woken(state, i)];
    }
  }

  private flushed(state: State, i: number): State {
    const actor = state.actors[i]!;
    const memory = state.memory.slice();
    const [index, value] = actor.buffer[0]!;
    memory[index] = value;
    return { memory, actors: replaced(state.actors, i, { ...actor, buffer: actor.buffer.slice(1) }) };
  }

  private woken(state: State, i: number): State {
    const actor = state.actors[i]!;
    const { objects } = this.actors[i]!;
    put(objects, actor.fields);
    if (actor.rung) this.actors[i]!.wake();
    const next: ActorState = {
      ...actor,
      fields: capture(objects),
      status: 'run',
      rung: false,
      otherWakes: actor.otherWakes - (actor.rung ? 0 : 1),
    };
    return { memory: state.memory, actors: replaced(state.actors, i, next) };
  }

  private stepped(state: State, i: number): [string, State | string] {
    const before = state.actors[i]!;
    const actor = this.actors[i]!;
    put(actor.objects, before.fields);
    this.writeMemory(before.history[0]?.memoryBefore ?? state.memory);
    this.running = { state, actor: i, op: 0, outcome: null };
    try {
      const status = actor.iterate();
      const after: ActorState = { ...before, fields: capture(actor.objects), history: [], status };
      return [`${actor.name}: ends its tick, ${status}`, { memory: this.readMemory(), actors: replaced(state.actors, i, after) }];
    } catch (thrown) {
      if (thrown !== PREEMPTED) return [`${actor.name}: throws`, String(thrown)];
      const outcome = this.running.outcome!;
      const after: ActorState = {
        ...before,
        history: [...before.history, { value: outcome.value, memoryBefore: state.memory }],
        waiting: outcome.waiting ?? before.waiting,
        buffer: outcome.buffer,
      };
      let actors = replaced(state.actors, i, after);
      if (outcome.rung >= 0) {
        actors = replaced(actors, outcome.rung, { ...actors[outcome.rung]!, rung: true, waiting: false });
      }
      return [`${actor.name}: ${outcome.label}`, { memory: this.readMemory(), actors }];
    } finally {
      this.running = null;
    }
  }

  /** Replay the operation's result, or execute it and end the step. */
  private operate(label: string, execute: (outcome: Outcome, state: State, actor: number) => void): unknown {
    const { running } = this;
    if (running === null) throw new Error('a shared access outside a step');
    const { history, buffer } = running.state.actors[running.actor]!;
    const k = running.op++;
    if (k < history.length) {
      this.writeMemory(history[k + 1]?.memoryBefore ?? running.state.memory);
      return history[k]!.value;
    }
    const outcome: Outcome = { label, value: undefined, rung: -1, waiting: null, buffer };
    execute(outcome, running.state, running.actor);
    running.outcome = outcome;
    throw PREEMPTED;
  }

  private replaceAtomics(): () => void {
    const real = { ...pick(Atomics) };
    const read = (o: Outcome, at: number): number => o.buffer.findLast(([index]) => index === at)?.[1] ?? this.readWord(at);
    const readModifyWrite = (words: Int32Array, i: number, name: string, change: (old: number) => number): number => {
      const at = this.indexOf(words, i);
      return this.operate(`${name} ${at}`, (o) => {
        for (const [index, value] of o.buffer) this.writeWord(index, value);
        o.buffer = [];
        o.value = this.readWord(at);
        this.writeWord(at, change(o.value as number));
        o.label += ` = ${String(o.value)}`;
      }) as number;
    };
    const fake = {
      load: (words: Int32Array, i: number) =>
        this.operate(`load ${this.indexOf(words, i)}`, (o) => {
          o.value = read(o, this.indexOf(words, i));
          o.label += ` = ${String(o.value)}`;
        }),
      store: (words: Int32Array, i: number, value: number) =>
        this.operate(`store ${this.indexOf(words, i)} := ${value}`, (o) => {
          o.value = value;
          if (this.fences) this.writeWord(this.indexOf(words, i), value);
          else o.buffer = [...o.buffer, [this.indexOf(words, i), value]];
        }),
      add: (words: Int32Array, i: number, by: number) => readModifyWrite(words, i, 'add', (old) => old + by),
      sub: (words: Int32Array, i: number, by: number) => readModifyWrite(words, i, 'sub', (old) => old - by),
      compareExchange: (words: Int32Array, i: number, from: number, to: number) =>
        readModifyWrite(words, i, 'compareExchange', (old) => (old === from ? to : old)),
      waitAsync: (words: Int32Array, i: number, value: number) =>
        this.operate('waitAsync', (o, _state, actor) => {
          const at = this.indexOf(words, i);
          this.waitIndexes.set(at, actor);
          o.waiting = read(o, at) === value;
          o.label += o.waiting ? ' waits' : ' not equal';
          // The callback runs when the actor wakes: Actor.wake().
          o.value = o.waiting ? { async: true, value: new Promise(() => undefined) } : { async: false, value: 'not-equal' };
        }),
      notify: (words: Int32Array, i: number) =>
        this.operate('notify', (o, state) => {
          const waiter = this.waitIndexes.get(this.indexOf(words, i));
          if (waiter !== undefined && state.actors[waiter]!.waiting) o.rung = waiter;
          o.label += ` wakes ${o.rung}`;
        }),
    };
    Object.assign(Atomics, fake);
    return () => void Object.assign(Atomics, real);
  }

  private indexOf(words: Int32Array, i: number): number {
    let base = 0;
    for (const memory of this.memories) {
      if (memory.buffer === words.buffer) return base + i;
      base += memory.length;
    }
    throw new Error('an access outside the modelled memory');
  }

  private readWord(at: number): number {
    const [memory, i] = this.locate(at);
    return memory[i]!;
  }

  private writeWord(at: number, value: number): void {
    const [memory, i] = this.locate(at);
    memory[i] = value;
  }

  private locate(at: number): [Int32Array, number] {
    let i = at;
    for (const memory of this.memories) {
      if (i < memory.length) return [memory, i];
      i -= memory.length;
    }
    throw new Error('an access outside the modelled memory');
  }

  private readMemory(): Int32Array {
    const all = new Int32Array(this.memories.reduce((sum, memory) => sum + memory.length, 0));
    let base = 0;
    for (const memory of this.memories) {
      all.set(memory, base);
      base += memory.length;
    }
    return all;
  }

  private writeMemory(all: Int32Array): void {
    let base = 0;
    for (const memory of this.memories) {
      memory.set(all.subarray(base, base + memory.length));
      base += memory.length;
    }
  }
}

function pick(atomics: typeof Atomics): Partial<typeof Atomics> {
  const { load, store, add, sub, compareExchange, notify, waitAsync } = atomics;
  return { load, store, add, sub, compareExchange, notify, waitAsync };
}

function replaced<T>(list: readonly T[], i: number, value: T): T[] {
  const copy = list.slice();
  copy[i] = value;
  return copy;
}

function isLocalArray(value: unknown): value is Int32Array | Uint8Array {
  return (value instanceof Int32Array || value instanceof Uint8Array) && value.buffer instanceof ArrayBuffer;
}

/** The changing local state of an actor's objects, in a fixed order. */
function capture(objects: readonly object[]): unknown[] {
  const fields: unknown[] = [];
  for (const object of objects) {
    for (const value of Object.values(object)) {
      if (typeof value === 'number' || typeof value === 'boolean') fields.push(value);
      else if (isLocalArray(value)) fields.push(Array.from(value));
    }
  }
  return fields;
}

function put(objects: readonly object[], fields: readonly unknown[]): void {
  let next = 0;
  for (const object of objects) {
    for (const [name, value] of Object.entries(object)) {
      if (typeof value === 'number' || typeof value === 'boolean') Reflect.set(object, name, fields[next++]);
      else if (isLocalArray(value)) value.set(fields[next++] as number[]);
    }
  }
}

function keyOf(state: State): string {
  const hash = createHash('sha1').update(state.memory);
  for (const a of state.actors) {
    const results = a.history.map((step) => step.value);
    hash.update(JSON.stringify([a.fields, results, a.status, a.rung, a.waiting, a.otherWakes, a.buffer]));
  }
  return hash.digest('base64');
}
