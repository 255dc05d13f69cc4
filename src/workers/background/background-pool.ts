// BackgroundPool: the threads that compact logs, never a shard's. Owner: the supervisor's thread; shards ask by control
// message. Not hot. No thread exists until there is something to do, and an idle one ends after a while.

import type { Piscina } from 'piscina';
import { packageFile } from '../../engine/base/package-file.ts';
import { threadFlags } from '../../engine/base/thread-flags.ts';
import type { BrokerConfig } from '../../engine/base/config-schema.ts';
import { nodeFileSystem } from '../../engine/io/node-file-system.ts';
import { removeLeftovers } from '../../engine/log/cleaner/cleaned-segment-writer.ts';
import type { CleanJob, CleanLimits, CleanOutcome } from '../../engine/log/cleaner/clean-job.ts';
import type { CleanTask } from './background-worker.ts';

const ENTRY = packageFile('dist/bundle/background-worker.js');
const IDLE_MS = 10_000;

export class BackgroundPool {
  private readonly config: BrokerConfig;
  private readonly entry: URL;
  private readonly here: ((job: CleanJob, limits: CleanLimits) => CleanOutcome) | null;
  private readonly throttleCell = new SharedArrayBuffer(8);
  private threads: Promise<Piscina> | null = null;
  /** Where jobs were done. */
  private readonly dirs = new Set<string>();
  private closed = false;

  /** @param here does the work on this thread, where the disk is one that no other thread sees */
  constructor(config: BrokerConfig, entry: URL = ENTRY, here: BackgroundPool['here'] = null) {
    this.config = config;
    this.here = here;
    this.entry = entry;
  }

  /** Memory and rate of the whole process are shared among the threads. @throws when the thread died, or the disk fails */
  async clean(job: CleanJob): Promise<CleanOutcome> {
    if (this.closed) throw new Error('the broker stops');
    const { config } = this;
    const count = config['log.cleaner.threads'];
    const limits: CleanLimits = {
      mapBytes: Math.floor(config['log.cleaner.dedupe.buffer.size'] / count),
      // Half to read into, half to write from.
      bufferBytes: Math.ceil(config['log.cleaner.io.buffer.size'] / count / 2),
    };
    if (this.here !== null) return this.here(job, limits);
    const task: CleanTask = {
      job,
      limits,
      throttleCell: this.throttleCell,
      bytesPerSecond: config['log.cleaner.io.max.bytes.per.second'],
    };
    this.dirs.add(job.dir);
    this.threads ??= this.open();
    return (await (await this.threads).run(task, { name: 'clean' })) as CleanOutcome;
  }

  /** After the shards: ends the threads where they are, and removes what they wrote for nobody. */
  async close(): Promise<void> {
    this.closed = true;
    await (await this.threads)?.destroy();
    for (const dir of this.dirs) if (nodeFileSystem.isDirectory(dir)) removeLeftovers(nodeFileSystem, dir);
  }

  private async open(): Promise<Piscina> {
    const { Piscina } = await import('piscina');
    const flags = threadFlags(process.execArgv);
    const threads = new Piscina({
      ...(flags && { execArgv: flags }),
      filename: this.entry.href,
      minThreads: 0,
      maxThreads: this.config['log.cleaner.threads'],
      idleTimeout: IDLE_MS,
    });
    // A thread that dies between jobs takes nothing along; the job of one that dies within is rejected.
    threads.on('error', () => undefined);
    return threads;
  }
}
