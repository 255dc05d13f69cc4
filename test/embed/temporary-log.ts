// A log of the embedded API in a directory of its own, gone after the test. Owner: the test's thread.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll } from 'vitest';
import type { EmbeddedLog } from '../../src/embed/embedded-log.ts';
import { open, type OpenOptions } from '../../src/embed/open.ts';
import { compileSources } from '../workers/compiled.ts';

/** On one thread and on several, with the addon and without. */
export const KINDS = [
  { name: 'in the calling thread', shards: 0, reactor: 'auto' },
  { name: 'on two threads', shards: 2, reactor: 'auto' },
  { name: 'in the calling thread, portable', shards: 0, reactor: 'portable' },
  { name: 'on two threads, portable', shards: 2, reactor: 'portable' },
] as const;

export interface Kind {
  readonly name: string;
  readonly shards: number;
  readonly reactor: string;
}

/** Small indexes and arenas: many logs are opened on a machine that others use too. */
const CONFIG = { 'log.index.size.max.bytes': 65_536, 'offsets.topic.num.partitions': 2, 'group.initial.rebalance.delay.ms': 0 };

export function useTemporaryLogs(): { open(kind: Kind, options?: Partial<OpenOptions>): Promise<EmbeddedLog>; directory(): string } {
  const root = mkdtempSync(join(tmpdir(), 'ringlog-embed-'));
  const logs: EmbeddedLog[] = [];
  let count = 0;
  beforeAll(() => compileSources());
  afterEach(async () => {
    await Promise.all(logs.splice(0).map((log) => log.close()));
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  const directory = (): string => join(root, String(count++));
  return {
    directory,
    async open({ shards, reactor }, options = {}) {
      const config = { ...CONFIG, 'ringlog.reactor': reactor, ...options.config };
      const log = await open({ dir: directory(), shards, ...options, config });
      logs.push(log);
      return log;
    },
  };
}
