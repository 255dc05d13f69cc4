// Apache Kafka as a peer: one KRaft node from its Maven artifacts, installed and started by the repository's own script.
// Owner: the thread that started it. Not hot.

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { packageFile } from '../../../src/engine/base/package-file.ts';
import type { Clock } from '../contracts/clock.ts';
import { type BrokerUsage, DriverError } from '../contracts/driver.ts';
import { BrokerGuard } from './broker-guard.ts';
import { CachedLog } from './cached-log.ts';
import { processUsage } from './process-usage.ts';

const run = promisify(execFile);
/** The first start may fetch Kafka. */
const START_LIMIT_MS = 600_000;
const STOP_LIMIT_MS = 60_000;

export class PeerKafka {
  readonly bootstrap: string;
  readonly dataDir: string;
  readonly product: string;
  private readonly cached: CachedLog;
  private readonly guard: BrokerGuard;
  private readonly pid: number;
  private readonly onExit = (): void => {
    try {
      process.kill(this.pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  };

  private constructor(pid: number, bootstrap: string, dataDir: string, product: string) {
    this.pid = pid;
    this.bootstrap = bootstrap;
    this.dataDir = dataDir;
    this.product = product;
    this.cached = new CachedLog(dataDir);
    this.guard = new BrokerGuard(pid, dataDir);
    process.on('exit', this.onExit);
  }

  static async start(parent: string, settings: Readonly<Record<string, string>>): Promise<PeerKafka> {
    const dataDir = mkdtempSync(join(parent, 'kafka-'));
    const port = await freePort();
    // Only so that a deleted topic gives its disk back before the next run.
    const all = { 'log.segment.delete.delay.ms': '1000', ...settings };
    const sets = Object.entries(all).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
    try {
      const pid = await script(['start', '--port', String(port), '--dir', dataDir, ...sets], START_LIMIT_MS);
      return new PeerKafka(Number(pid), `127.0.0.1:${port}`, dataDir, `Apache Kafka ${await script(['version'], STOP_LIMIT_MS)}`);
    } catch (error) {
      rmSync(dataDir, { recursive: true, force: true });
      throw error;
    }
  }

  usage(clock: Clock): BrokerUsage | null {
    return processUsage(this.pid, this.dataDir, this.cached.now, clock);
  }

  async stop(): Promise<void> {
    this.cached.stop();
    await script(['stop', '--dir', this.dataDir], STOP_LIMIT_MS);
    process.off('exit', this.onExit);
    rmSync(this.dataDir, { recursive: true, force: true });
    this.guard.release();
  }
}

async function script(args: readonly string[], limitMs: number): Promise<string> {
  const path = fileURLToPath(packageFile('bench/peers/kafka.mjs'));
  if (!existsSync(path)) throw new DriverError('Apache Kafka as a peer is started by bench/peers/kafka.mjs, which only the repository has');
  try {
    return (await run(process.execPath, [path, ...args], { timeout: limitMs })).stdout.trim();
  } catch (error) {
    throw new DriverError(`Apache Kafka: ${(error as { stderr?: string }).stderr?.trim() || (error as Error).message}`);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
