// A broker in a process of its own that can be killed and started again on its port and directory. Owner: the thread that
// started it. Not hot. It ends with this process, however this process ends by itself.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { packageFile } from '../../engine/base/package-file.ts';

const START_LIMIT_MS = 300_000;
const STOP_LIMIT_MS = 60_000;
const LOG_CHARS = 4000;
/** Below the range from which the kernel picks client ports. */
const FIRST_PORT = 20_000;
const PORTS = 10_000;
const PORT_TRIES = 200;

export interface ChildBrokerOptions {
  readonly dataDir: string;
  readonly set: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

export class ChildBroker {
  readonly port: number;
  /** What it said last, for reports. */
  said = '';
  /** Added to this process's environment at the next start. */
  env: Readonly<Record<string, string>>;
  private readonly args: readonly string[];
  private child: ChildProcess | null = null;
  private readonly onExit = (): void => void this.child?.kill('SIGKILL');

  private constructor(port: number, { dataDir, set, env = {} }: ChildBrokerOptions) {
    this.port = port;
    this.env = env;
    const sets = { listeners: `PLAINTEXT://127.0.0.1:${port}`, 'log.dirs': dataDir, ...set };
    const bin = fileURLToPath(packageFile('bin/ringlog.mjs'));
    this.args = [bin, 'serve', ...Object.entries(sets).flatMap(([key, value]) => ['--set', `${key}=${value}`])];
    process.on('exit', this.onExit);
  }

  /** Finds a port for each shard; does not start anything yet. */
  static async create(shards: number, options: ChildBrokerOptions): Promise<ChildBroker> {
    return new ChildBroker(await freePorts(shards), options);
  }

  get alive(): boolean {
    return this.child !== null && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** How it ended; null while it runs. */
  get code(): number | string | null {
    return this.child?.exitCode ?? this.child?.signalCode ?? null;
  }

  /** Resolves when it listens. @throws when it ends before that, with what it said */
  async start(): Promise<void> {
    const child = spawn(process.execPath, this.args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...this.env } });
    this.child = child;
    this.said = '';
    const hear = (chunk: Buffer): void => void (this.said = (this.said + chunk.toString()).slice(-LOG_CHARS));
    child.stderr.on('data', hear);
    child.stdout.on('data', hear);
    await new Promise<void>((done, fail) => {
      const giveUp = (why: string): void => {
        clearTimeout(timer);
        child.kill('SIGKILL');
        fail(new Error(`the broker ${why}; it said:\n${this.said}`));
      };
      const timer = setTimeout(() => giveUp(`was not ready after ${START_LIMIT_MS} ms`), START_LIMIT_MS);
      child.once('error', (error) => giveUp(`did not start: ${error.message}`));
      child.once('close', (code, signal) => giveUp(`ended with ${code ?? signal} before it was ready`));
      child.stdout.on('data', () => {
        if (!this.said.includes('ready in')) return;
        clearTimeout(timer);
        done();
      });
    });
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (child === null || !this.alive) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** SIGTERM. @returns the exit code, or the signal that ended it */
  async stop(): Promise<number | string> {
    const { child } = this;
    if (child === null) return 0;
    if (this.alive) {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
      await ended;
      clearTimeout(timer);
    }
    return this.code ?? 'nothing';
  }

  async close(): Promise<void> {
    await this.kill();
    process.off('exit', this.onExit);
  }
}

/** The first of `count` consecutive ports that are free now. */
async function freePorts(count: number): Promise<number> {
  for (let tries = 0; tries < PORT_TRIES; tries++) {
    const first = FIRST_PORT + Math.floor(Math.random() * PORTS);
    const servers: (Server | null)[] = [];
    for (let i = 0; i < count; i++) servers.push(await listenOn(first + i));
    for (const server of servers) if (server !== null) await new Promise((done) => server.close(done));
    if (servers.every((server) => server !== null)) return first;
  }
  throw new Error(`no ${count} consecutive free ports on loopback`);
}

function listenOn(port: number): Promise<Server | null> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(null));
    server.listen(port, '127.0.0.1', () => done(server));
  });
}
