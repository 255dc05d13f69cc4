// What a shard on the calling thread stands on where that is not the machine itself: its disk, its time, its sockets.
// Owner: the calling thread. A test broker brings its own (src/testing); functions do not cross to worker threads.

import type { Clock } from '../../engine/base/clock.ts';
import type { FileSystem } from '../../engine/io/file-system.ts';
import type { CleanJob, CleanLimits, CleanOutcome } from '../../engine/log/cleaner/clean-job.ts';
import type { Reactor, ReactorOptions } from '../../net/reactor/reactor.ts';

export interface ShardEnvironment {
  readonly fs: FileSystem;
  readonly clock: Clock;
  openReactor(options: ReactorOptions): Reactor;
  /** Compaction where background threads do not see the disk; null where they do. */
  readonly clean: ((job: CleanJob, limits: CleanLimits) => CleanOutcome) | null;
}
