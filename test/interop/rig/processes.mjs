// Child processes of the rigs: every one is remembered by its pid, has a deadline, and is ended when the rig ends, however
// it ends. Never touches a process it did not start.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

const living = new Set();

export function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Remembers a process that somebody else spawned for us (a detached broker), so that it is ended with the rig. */
export function remember(pid) {
  living.add(pid);
}

export function forget(pid) {
  living.delete(pid);
}

function endAll() {
  for (const pid of living) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // it has ended by itself
    }
  }
  living.clear();
}

process.on('exit', endAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => {
    endAll();
    process.exit(130);
  });

/** Like `spawn`, but ended with the rig. */
export function startProcess(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  if (child.pid !== undefined) {
    const { pid } = child;
    living.add(pid);
    child.once('exit', () => living.delete(pid));
  }
  return child;
}

/**
 * Runs a program to its end. Resolves with `{ status, stdout, stderr }` whatever its exit code; rejects when it cannot be
 * started, or when `signal` aborts or `timeoutMs` passes first (it is then killed).
 */
export function run(command, args, { input, signal, timeoutMs = 120_000, env, cwd } = {}) {
  return new Promise((done, fail) => {
    const child = startProcess(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env }, cwd });
    const out = [];
    const err = [];
    child.stdout?.on('data', (chunk) => out.push(chunk));
    child.stderr?.on('data', (chunk) => err.push(chunk));
    const told = () => Buffer.concat(err).toString().trim().slice(-1500);
    const giveUp = (why) => {
      child.kill('SIGKILL');
      fail(new Error(`${command} ${args.join(' ').slice(-300)}: ${why}${told() === '' ? '' : `\n${told()}`}`));
    };
    const onAbort = () => giveUp('still running at the deadline of the case');
    const timer = setTimeout(() => giveUp(`still running after ${timeoutMs} ms`), timeoutMs);
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    child.once('error', (error) => {
      settle();
      fail(error);
    });
    child.once('close', (code, killedBy) => {
      settle();
      done({ status: code ?? killedBy, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
    });
    if (signal?.aborted) onAbort();
    // A program that ends before it has read everything closes the pipe: its exit code tells more than EPIPE.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input ?? '');
  });
}

/** `run`, and any exit code but 0 is an error that carries what the program said. */
export async function runOk(command, args, options) {
  const result = await run(command, args, options);
  if (result.status !== 0) {
    // However long the output: why it ended stands in the errors.
    const said = [result.stdout, result.stderr]
      .map((text) => text.trim().slice(-1500))
      .join('\n')
      .trim();
    throw new Error(`${command.split('/').at(-1)} ${args.join(' ').slice(-300)}: ended with ${result.status}\n${said}`);
  }
  return result;
}

/** Polls until `test()` gives something truthy, which is returned. For states that have no event to wait for. */
export async function until(what, test, { timeoutMs = 60_000, signal, everyMs = 20 } = {}) {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await test();
    if (value) return value;
    if (signal?.aborted || Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((done) => setTimeout(done, everyMs));
  }
}
