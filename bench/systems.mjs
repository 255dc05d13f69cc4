// The systems under comparison as one shape: prepare a directory, spawn a broker pinned to the broker's core, know its pid.
// Every process started here is remembered until it has ended, so that an interrupted benchmark leaves nothing behind.

import { execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, isAlive, isKafkaInstalled, kafkaVersion, prepareKafka, stopPid, waitForBroker } from './peers/kafka.mjs';

export const repoRoot = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const cache = join(repoRoot, '.cache/bench');
const brokerCore = '0';
const loadCore = '1';

const started = new Set(); // pids that are ours to end

/** Ends everything that was started here. Safe to call twice. */
export async function stopEverything() {
  await Promise.all([...started].map((pid) => stopPid(pid, 10_000)));
  started.clear();
}

/** Last resort inside an `exit` handler, where nothing can be awaited. */
export function killEverything() {
  for (const pid of started) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
}

// ---- native programs -------------------------------------------------------------------------------------------------

const sources = {
  loadgen: ['loadgen.cc', 'wire.h', 'histogram.h', 'clock.h'],
  ceiling: ['ceiling.cc', 'wire.h'],
  condition: ['condition.cc'],
  recycle: ['recycle.cc', 'histogram.h', 'clock.h'],
  disk: ['disk.cc', 'histogram.h', 'clock.h'],
  hiccup: ['hiccup.cc', 'core_interrupts.h', 'histogram.h', 'clock.h'],
  'embed-ceiling': ['embed-ceiling.cc', 'histogram.h', 'clock.h'],
};

export const program = (name) => join(cache, name);

/** Compiles the C++ parts, or those of them, that are older than their sources. */
export function buildNative(log, names = Object.keys(sources)) {
  if (process.arch !== 'x64') throw new Error('the load generator and the ceiling use the SSE4.2 CRC instruction: x86-64 only');
  mkdirSync(cache, { recursive: true });
  for (const name of names) {
    const paths = sources[name].map((file) => join(repoRoot, 'bench/native', file));
    const newest = Math.max(...paths.map((path) => statSync(path).mtimeMs));
    if (existsSync(program(name)) && statSync(program(name)).mtimeMs > newest) continue;
    log(`compiling ${name}`);
    const flags = ['-std=c++20', '-O2', '-march=x86-64-v2', '-Wall', '-Wextra', '-Wno-missing-field-initializers'];
    execFileSync(process.env.CXX ?? 'g++', [...flags, '-o', program(name), paths[0]], { stdio: 'inherit' });
  }
}

let runsEndMs = Infinity;

/** No native program goes on for longer than this from now: a run of a bench that is late fails, so that the whole has an end. */
export function endRunsIn(seconds) {
  runsEndMs = performance.now() + seconds * 1000;
}

/** Runs a native program on the load's core to its end; resolves with its stdout. */
export function runNative(name, args, { timeoutMs, nice = 0 }) {
  return new Promise((done, fail) => {
    const child = spawn('nice', ['-n', String(nice), 'taskset', '-c', loadCore, program(name), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: Math.ceil(Math.max(1, Math.min(timeoutMs, runsEndMs - performance.now()))),
    });
    if (child.pid) started.add(child.pid);
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (err += chunk));
    child.once('error', fail);
    child.once('close', (code, signal) => {
      started.delete(child.pid);
      if (code === 0) done({ out, err });
      else fail(new Error(`${name} ${args.join(' ')}: ${signal ?? `exit ${code}`}\n${err}`));
    });
  });
}

/**
 * Starts a native program that prints `ready` and ends when its input does, on all cores. Resolves once it is ready, with its pid
 * and `stop()`, which resolves with the rest of its output.
 */
export async function startNative(name, args = []) {
  const child = spawn(program(name), args, { stdio: ['pipe', 'pipe', 'pipe'] });
  if (child.pid) started.add(child.pid);
  let out = '';
  let err = '';
  child.stdin.on('error', () => {}); // it has ended: `close` says how
  child.stderr.on('data', (chunk) => (err += chunk));
  const ended = new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code, signal) => {
      started.delete(child.pid);
      if (code === 0) done(out);
      else fail(new Error(`${name} ${args.join(' ')}: ${signal ?? `exit ${code}`}\n${err}`));
    });
  });
  const ready = new Promise((done) => {
    child.stdout.on('data', (chunk) => {
      out += chunk;
      if (out.startsWith('ready\n')) done();
    });
  });
  await Promise.race([ready, ended]);
  return {
    pid: child.pid,
    async stop() {
      child.stdin.end();
      return (await ended).replace('ready\n', '');
    },
  };
}

// ---- brokers ---------------------------------------------------------------------------------------------------------

/** `{ 'a.b': 1 }` as `--set a.b=1`. */
const sets = (given) => Object.entries(given).flatMap(([key, value]) => ['--set', `${key}=${value}`]);

const launchers = {
  async kafka(port, dir, { set, heap }) {
    // Only so that a deleted topic gives its disk back before the next run; no effect on the measured path.
    const { command, args } = await prepareKafka({ port, dir, heap, set: { 'log.segment.delete.delay.ms': 1000, ...set } });
    return [command, args];
  },
  ceiling: (port, dir, { args = [] }) => [program('ceiling'), ['--port', String(port), '--dir', dir, ...args]],
  ringlog: (port, dir, { set }) => [
    process.execPath,
    [
      join(repoRoot, 'bin/ringlog.mjs'),
      'serve',
      ...sets({
        listeners: `PLAINTEXT://127.0.0.1:${port}`,
        'log.dirs': dir,
        'ringlog.shards': 1,
        'log.segment.delete.delay.ms': 1000,
        ...set,
      }),
    ],
  ],
};

export class System {
  pid = 0;
  logFrom = 0;
  port = 0;

  /**
   * `kind` is what is started. `name` tells two of a kind apart; `set` are broker settings, `heap` Kafka's, `args` the
   * ceiling's; `procsFile` is the cgroup the broker is to run in.
   */
  constructor(kind, dataRoot, { name = kind, procsFile, ...launch } = {}) {
    this.kind = kind;
    this.name = name;
    this.dir = join(dataRoot, name);
    this.logFile = join(cache, `${name}.log`);
    this.launch = launch;
    this.procsFile = procsFile;
  }

  /** What there is to do before a start that is not part of starting (formatting, for Kafka). */
  async prepare({ empty }) {
    if (empty) rmSync(this.dir, { recursive: true, force: true });
    mkdirSync(this.dir, { recursive: true });
    // A known directory keeps its port: Kafka's is written into its configuration.
    if (empty || !this.port) this.port = await freePort();
    this.command = await launchers[this.kind](this.port, this.dir, this.launch);
  }

  /** Spawns the broker and returns the CLOCK_MONOTONIC time just before, in ns. Does not wait for it to answer. */
  spawn() {
    const out = openSync(this.logFile, 'a');
    this.logFrom = statSync(this.logFile).size;
    const sinceNs = process.hrtime.bigint();
    // taskset execs, so the pid is the broker's. Detached, so that Ctrl-C reaches this process first, which then stops it.
    const pinned = ['taskset', '-c', brokerCore, this.command[0], ...this.command[1]];
    const [first, ...args] = this.procsFile ? ['sh', '-c', 'echo $$ > "$0" && exec "$@"', this.procsFile, ...pinned] : pinned;
    const child = spawn(first, args, {
      stdio: ['ignore', out, out],
      detached: true,
      cwd: repoRoot,
    });
    closeSync(out);
    child.once('error', () => {});
    if (!child.pid) throw new Error(`cannot start ${this.name}`);
    child.unref();
    this.pid = child.pid;
    started.add(child.pid);
    return sinceNs;
  }

  async start({ empty }) {
    await this.prepare({ empty });
    this.spawn();
    await this.answering();
  }

  async answering() {
    try {
      await waitForBroker(this.port, { alive: () => isAlive(this.pid) });
    } catch (error) {
      throw new Error(`${this.name}: ${error.message}\n${this.logTail()}`, { cause: error });
    }
  }

  logTail() {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8').slice(-1500) : '';
  }

  /** The events that this start has logged so far; none for a broker that does not log JSON. */
  eventsSinceSpawn() {
    const lines = readFileSync(this.logFile).subarray(this.logFrom).toString('utf8').split('\n');
    // The last line may be on its way.
    return lines.slice(0, -1).flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
  }

  async stop() {
    if (!this.pid) return;
    await stopPid(this.pid);
    started.delete(this.pid);
    this.pid = 0;
  }

  /** The end a crash would give it. */
  async kill() {
    process.kill(this.pid, 'SIGKILL');
    await stopPid(this.pid);
    started.delete(this.pid);
    this.pid = 0;
  }

  get bootstrap() {
    return `127.0.0.1:${this.port}`;
  }

  rssMiB() {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)[1]) / 1024;
  }

  describe() {
    const { heap = '1G' } = this.launch;
    if (this.kind === 'kafka') return `Apache Kafka ${kafkaVersion}, KRaft, 1 node, G1, -Xms${heap} -Xmx${heap}, default settings`;
    if (this.kind === 'ceiling') return 'C++ ceiling: one epoll thread, gathered appends, sendfile';
    return `Ringlog, 1 shard, page-cache storage, Node ${process.versions.node}`;
  }
}

export function isRinglogThere() {
  return existsSync(join(repoRoot, 'bin/ringlog.mjs'));
}

export { isKafkaInstalled };
