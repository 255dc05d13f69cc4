// Runs cases one after another against one broker: a deadline each, one line each, and clean-up whatever happens.

import { performance } from 'node:perf_hooks';

/** Adds up over all brokers of a run. */
export class Score {
  passed = 0;
  failed = 0;
  failures = [];

  pass(name, ms) {
    this.passed++;
    console.log(`ok    ${name} (${(ms / 1000).toFixed(1)} s)`);
  }

  fail(name, error) {
    this.failed++;
    this.failures.push(name);
    const [first, ...rest] = String(error?.message ?? error).split('\n');
    console.log(`FAIL  ${name}: ${first}`);
    for (const line of rest) console.log(`        ${line}`);
    if (process.env.RIG_STACKS && error?.stack) console.log(error.stack);
  }

  end() {
    if (this.failed > 0) console.log(`failed: ${this.failures.join('; ')}`);
    console.log(`${this.passed} passed, ${this.failed} failed`);
    process.exitCode = this.failed === 0 && this.passed > 0 ? 0 : 1;
  }
}

export function assert(condition, message) {
  if (!condition) throw new Error(message);
}

export function equal(actual, expected, what) {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: expected ${b}, got ${a}`);
}

/**
 * Runs `one.run(context)`, where the context is `shared` plus `signal` (aborted at the deadline) and `defer` (clean-up,
 * run in reverse order, failing or not). Returns nothing and throws what the case throws.
 */
export async function runCase(one, shared) {
  const deadlineMs = one.deadlineMs ?? 180_000;
  const abort = new AbortController();
  const deferred = [];
  const context = { ...shared, signal: abort.signal, defer: (cleanUp) => deferred.push(cleanUp) };
  let timer;
  const deadline = new Promise((_, fail) => {
    timer = setTimeout(() => {
      abort.abort();
      fail(new Error(`not done after ${deadlineMs / 1000} s`));
    }, deadlineMs);
  });
  try {
    await Promise.race([one.run(context), deadline]);
  } finally {
    clearTimeout(timer);
    abort.abort();
    for (const cleanUp of deferred.toReversed()) await limited(cleanUp, 5000);
  }
}

/** Clean-up must not turn a good case red nor hang the run. */
async function limited(work, ms) {
  let timer;
  try {
    await Promise.race([work(), new Promise((done) => (timer = setTimeout(done, ms)))]);
  } catch {
    // the case has said what matters
  } finally {
    clearTimeout(timer);
  }
}

/** Runs `cases` against a started broker; a broker that died under a case is started again for the next one. */
export async function runCases(cases, { score, label, broker, shared }) {
  for (const one of cases) {
    const name = `${label}${one.name}`;
    const began = performance.now();
    try {
      if (!broker.alive) await broker.start();
      await runCase(one, { ...shared, broker });
      if (!broker.alive) throw new Error(`the broker died; its log ends:\n${broker.logTail()}`);
      score.pass(name, performance.now() - began);
    } catch (error) {
      if (!broker.alive && !String(error.message).includes('log ends'))
        error.message += `\nand the broker is dead; its log ends:\n${broker.logTail()}`;
      score.fail(name, error);
    }
  }
}
