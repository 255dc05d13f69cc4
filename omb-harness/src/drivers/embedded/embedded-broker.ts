// A log opened in the harness's own process, for runs over the embedded API. Owner: the main thread. Not hot.

import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { EmbeddedLog } from '../../../../src/embed/embedded-log.ts';
import { open } from '../../../../src/embed/open.ts';
import type { Clock } from '../../contracts/clock.ts';
import { type BrokerUsage, DriverError } from '../../contracts/driver.ts';
import { threadCpuUs } from '../../load/thread-cpu.ts';
import { CachedLog } from '../cached-log.ts';
import { processUsage } from '../process-usage.ts';

export class EmbeddedBroker {
  readonly bootstrap = 'localhost, in the harness’s process';
  readonly dataDir: string;
  readonly product = null;
  private readonly cached: CachedLog;
  readonly log: EmbeddedLog;

  private constructor(log: EmbeddedLog, dataDir: string) {
    this.log = log;
    this.dataDir = dataDir;
    this.cached = new CachedLog(dataDir);
  }

  /** @param parent where its data folder is made: the disk that is measured. @throws DriverError */
  static async start(parent: string, config: Readonly<Record<string, string>>): Promise<EmbeddedBroker> {
    const dir = mkdtempSync(join(parent, 'broker-'));
    try {
      const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
      return new EmbeddedBroker(await open({ dir, config, logger: silent }), dir);
    } catch (error) {
      rmSync(dir, { recursive: true, force: true });
      throw new DriverError(`the embedded log did not open: ${(error as Error).message}`);
    }
  }

  /** Its threads are this process's without the one that makes the load. */
  usage(clock: Clock): BrokerUsage | null {
    const used = processUsage(process.pid, this.dataDir, this.cached.now, clock);
    return used === null ? null : { ...used, cpuUs: used.cpuUs - threadCpuUs() };
  }

  async stop(): Promise<void> {
    this.cached.stop();
    await this.log.close();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}
