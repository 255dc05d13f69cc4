// The brokers that the rigs start: Ringlog from this tree, and Apache Kafka as the judge of the rigs themselves. Both sit
// behind one small interface: start, stop (SIGTERM), kill (SIGKILL), restart on the same port and directory.

import { createWriteStream, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startKafka } from '../../../bench/peers/kafka.mjs';
import { forget, isRunning, remember, startProcess, until } from './processes.mjs';

const repoRoot = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 60_000;

function listenOn(port) {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(undefined));
    server.listen(port, '127.0.0.1', () => done(server));
  });
}

/** The first of `count` consecutive ports that are free now. Below the range from which the kernel picks client ports. */
export async function freePorts(count) {
  for (let tries = 0; tries < 200; tries++) {
    const first = 20_000 + Math.floor(Math.random() * 10_000);
    const servers = [];
    for (let i = 0; i < count; i++) servers.push(await listenOn(first + i));
    const allFree = servers.every((server) => server !== undefined);
    await Promise.all(servers.map((server) => server && new Promise((done) => server.close(done))));
    if (allFree) return first;
  }
  throw new Error(`no ${count} consecutive free ports on loopback`);
}

class Ringlog {
  kind = 'ringlog';
  #child;
  #ended;

  constructor({ dir, port, set, bin }) {
    this.port = port;
    this.bootstrap = `127.0.0.1:${port}`;
    this.dataDir = join(dir, 'data');
    this.logFile = join(dir, 'broker.log');
    this.set = { listeners: `PLAINTEXT://127.0.0.1:${port}`, 'log.dirs': this.dataDir, ...set };
    this.bin = bin ?? join(repoRoot, 'bin', 'ringlog.mjs');
    mkdirSync(this.dataDir, { recursive: true });
  }

  get pid() {
    return this.#child?.pid;
  }

  get alive() {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves when the banner is out, which is when it listens. */
  async start() {
    const sets = Object.entries(this.set).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    const child = startProcess(process.execPath, [this.bin, 'serve', ...sets]);
    this.#child = child;
    this.#ended = new Promise((done) => child.once('exit', (code, signal) => done(code ?? signal)));
    const log = createWriteStream(this.logFile, { flags: 'a' });
    child.stderr.on('data', (chunk) => log.write(chunk));
    let banner = '';
    const ready = new Promise((done, fail) => {
      const timer = setTimeout(() => fail(new Error(`ringlog was not ready after ${START_LIMIT_MS} ms`)), START_LIMIT_MS);
      child.once('error', fail);
      child.stdout.on('data', (chunk) => {
        log.write(chunk);
        banner += chunk;
        if (!banner.includes('ready in')) return;
        clearTimeout(timer);
        done();
      });
      // 'close', not 'exit': what it said last has then been read.
      child.once('close', (code, signal) => {
        clearTimeout(timer);
        log.end();
        fail(new Error(`ringlog ended with ${code ?? signal} before it was ready`));
      });
    });
    try {
      await ready;
    } catch (error) {
      child.kill('SIGKILL');
      throw new Error(`${error.message}; its log ends:\n${this.logTail()}`, { cause: error });
    }
  }

  /** A clean stop: SIGTERM, and it has to end by itself with code 0. */
  async stop() {
    if (!this.alive) return;
    this.#child.kill('SIGTERM');
    const child = this.#child;
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    const code = await this.#ended;
    clearTimeout(timer);
    if (code !== 0) throw new Error(`ringlog ended with ${code} after SIGTERM; its log ends:\n${this.logTail()}`);
  }

  async kill() {
    if (!this.alive) return;
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  logTail(bytes = 2000) {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8').slice(-bytes) : '';
  }
}

class Kafka {
  kind = 'kafka';
  #running;

  constructor({ dir, port, set }) {
    this.dir = dir;
    this.port = port;
    this.bootstrap = `127.0.0.1:${port}`;
    this.dataDir = join(dir, 'data');
    this.logFile = join(dir, 'kafka.log');
    this.set = set;
    mkdirSync(dir, { recursive: true });
  }

  get pid() {
    return this.#running?.pid;
  }

  get alive() {
    return this.#running !== undefined && isRunning(this.#running.pid);
  }

  async start() {
    this.#running = await startKafka({ port: this.port, dir: this.dir, set: this.set, onSpawn: remember });
  }

  async stop() {
    if (!this.#running) return;
    await this.#running.stop();
    forget(this.#running.pid);
  }

  async kill() {
    if (!this.alive) return;
    process.kill(this.#running.pid, 'SIGKILL');
    await until('Kafka is gone after SIGKILL', () => !this.alive);
    forget(this.#running.pid);
  }

  logTail(bytes = 2000) {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8').slice(-bytes) : '';
  }
}

/**
 * A broker that is not started yet. `shards`, `listeners` and `reactor` are Ringlog's and ignored for Kafka; `set` is
 * given to both.
 */
export async function createBroker({ kind, dir, shards = 2, listeners = 'per-shard', reactor = 'auto', bin, set = {} }) {
  const port = await freePorts(kind === 'ringlog' ? shards : 1);
  // A group of one test should not wait three seconds for members that never come.
  const common = { 'group.initial.rebalance.delay.ms': '0', ...set };
  if (kind === 'kafka') return new Kafka({ dir, port, set: common });
  const own = { 'ringlog.shards': shards, 'ringlog.listeners': listeners, 'ringlog.reactor': reactor };
  return new Ringlog({ dir, port, bin, set: { ...own, ...common } });
}
