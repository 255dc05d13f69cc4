// A Ringlog broker in a process of its own, for runs that name no other system. Owner: the thread that started it. Not hot.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageFile, packageVersion } from '../../../src/engine/base/package-file.ts';
import { type BrokerUsage, DriverError } from '../contracts/driver.ts';
import type { Clock } from '../contracts/clock.ts';
import { BrokerGuard } from './broker-guard.ts';
import { CachedLog } from './cached-log.ts';
import { processUsage } from './process-usage.ts';

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 20_000;
const LOG_CHARS = 4000;

export class OwnBroker {
  readonly bootstrap: string;
  readonly dataDir: string;
  readonly product = `Ringlog ${packageVersion()}`;
  private readonly cached: CachedLog;
  private readonly guard: BrokerGuard;
  private readonly child: ChildProcess;
  private readonly onExit = (): void => void this.child.kill('SIGKILL');

  private constructor(child: ChildProcess, bootstrap: string, dataDir: string) {
    this.child = child;
    this.bootstrap = bootstrap;
    this.dataDir = dataDir;
    this.cached = new CachedLog(dataDir);
    this.guard = new BrokerGuard(child.pid!, dataDir);
    process.on('exit', this.onExit);
  }

  /** @param parent where its data folder is made: the disk that is measured */
  static async start(parent: string, settings: Readonly<Record<string, string>> = {}): Promise<OwnBroker> {
    const dataDir = mkdtempSync(join(parent, 'broker-'));
    const all = { listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': dataDir, ...settings };
    const sets = Object.entries(all).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
    // A group of its own: Ctrl-C is for the harness, which stops the broker when the partial result is written.
    const options = { stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'], detached: true };
    const child = spawn(process.execPath, [fileURLToPath(packageFile('bin/ringlog.mjs')), 'serve', ...sets], options);
    let said = '';
    const address = await new Promise<string>((resolve, reject) => {
      const giveUp = (why: string): void => {
        clearTimeout(timer);
        child.kill('SIGKILL');
        reject(new DriverError(`the broker ${why}; it said: ${said.trim()}`));
      };
      const timer = setTimeout(() => giveUp(`was not ready after ${START_LIMIT_MS / 1000} s`), START_LIMIT_MS);
      const hear = (chunk: Buffer): void => {
        said = (said + chunk.toString()).slice(-LOG_CHARS);
        const match = /listening\s+(\S+:\d+) .*\n/.exec(said);
        if (match === null) return;
        clearTimeout(timer);
        resolve(match[1]!);
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      child.once('error', (error) => giveUp(`did not start: ${error.message}`));
      child.once('exit', (code, signal) => giveUp(`ended with ${code ?? signal} before it was ready`));
    }).catch((error: unknown) => {
      rmSync(dataDir, { recursive: true, force: true });
      throw error;
    });
    return new OwnBroker(child, address, dataDir);
  }

  get pid(): number {
    return this.child.pid!;
  }

  usage(clock: Clock): BrokerUsage | null {
    return processUsage(this.pid, this.dataDir, this.cached.now, clock);
  }

  async stop(): Promise<void> {
    this.cached.stop();
    process.off('exit', this.onExit);
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = once(this.child, 'exit');
      this.child.kill('SIGTERM');
      const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_LIMIT_MS);
      await ended;
      clearTimeout(timer);
    }
    rmSync(this.dataDir, { recursive: true, force: true });
    this.guard.release();
  }
}
