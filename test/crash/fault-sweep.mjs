// Every n of one kind of fault: chains of processes, each with the first n that is left, until none is left or a process
// makes no such number of calls.

import { performance } from 'node:perf_hooks';

/** Processes with a fault between two judgements. */
const CHAIN = 16;
/** Calls between two faults of one process. */
const APART = 25;
/** Processes in turn that a fault did not strike. */
const MISSES = 3;
/** More of them say no more. */
const FAILURES = 5;

const nameOf = ({ storage, kind, code, commit }) => `${storage}, ${code} at ${kind}${commit === 'segments' ? ' without a journal' : ''}`;

/** `1..5, 7` for ascending numbers. */
function ranges(numbers) {
  const found = [];
  for (const n of numbers) {
    if (found.length > 0 && found.at(-1)[1] === n - 1) found.at(-1)[1] = n;
    else found.push([n, n]);
  }
  return found.map(([from, to]) => (from === to ? `${from}` : `${from}..${to}`)).join(', ');
}

/** Faults of one kind and error, one after the other, each n up to `until`. */
export class FaultSweep {
  constructor({ score, place, openChain, from, until, verbose }) {
    this.score = score;
    this.place = place;
    this.name = nameOf(place);
    this.openChain = openChain;
    this.verbose = verbose;
    this.count = until - from + 1;
    this.pending = Array.from({ length: this.count }, (_, i) => from + i);
    this.chain = null;
    this.chains = 0;
    this.met = [];
    this.endings = new Map();
    this.most = 0;
    this.processes = 0;
    this.misses = 0;
    this.failures = 0;
  }

  async run() {
    const began = performance.now();
    while (this.pending.length > 0 && this.misses < MISSES && this.failures < FAILURES) await this.step();
    if (this.chain !== null) await this.judge();
    const endings = [...this.endings].map(([told, count]) => `${told}: ${count}`).join(', ');
    const told = `${this.met.length} of ${this.count} n struck, ${this.pending.length > 0 ? `not ${ranges(this.pending)}` : 'none is left'}`;
    this.score.pass(
      `${this.name}: ${told}; at most ${this.most} calls; ${endings}; ${this.processes} processes`,
      performance.now() - began,
    );
  }

  async step() {
    const [first] = this.pending;
    this.processes++;
    try {
      this.chain ??= await this.openChain(this.place, this.chains++);
      const { struck, told, calls } = await this.chain.meet({ ...this.place, ns: this.next() });
      this.most = Math.max(this.most, calls);
      // The number of calls varies a little from process to process.
      if (struck.length === 0) this.misses++;
      for (const [n, path] of struck) this.take(n, path, told);
    } catch (error) {
      await this.fail(error);
      this.pending = this.pending.filter((n) => n !== first);
      return;
    }
    if (this.chain.length >= CHAIN) await this.judge();
  }

  /** What the broker outlives strikes it several times; of what it does not only the first is met. */
  next() {
    const [first] = this.pending;
    return this.pending.filter((n) => (n - first) % APART === 0);
  }

  take(n, path, told) {
    this.misses = 0;
    this.pending = this.pending.filter((other) => other !== n);
    this.met.push(n);
    const ending = told.startsWith('it did not start') ? 'refused to start' : told;
    this.endings.set(ending, (this.endings.get(ending) ?? 0) + 1);
    if (this.verbose) console.log(`      ${this.name} ${n}: ${path}: ${told}`);
  }

  async judge() {
    try {
      await this.chain.judge();
      await this.chain.close();
      this.chain = null;
    } catch (error) {
      await this.fail(error);
    }
  }

  async fail(error) {
    this.failures++;
    error.message += `\nthe chain of ${this.chain?.length ?? 0} ends with n = ${this.met.slice(-CHAIN).join(', ')}, then ${this.pending[0]}`;
    this.score.fail(this.name, error);
    const { chain } = this;
    this.chain = null;
    await chain?.close();
  }
}
