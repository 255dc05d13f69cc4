// Log directories that failed while the broker runs. Owner: the supervisor's thread. Not hot.
//
// The first write or sync that fails takes its directory offline, for all shards and until a restart: after a failed fsync
// the kernel calls the next one a success though the pages are gone. Its partitions lose their leader in the metadata;
// those of other directories go on. The broker ends when the directory of the metadata fails, or the last one.

import type { Controller } from '../../engine/metadata/controller.ts';
import type { BrokerLog } from './broker-log.ts';
import type { LogDirectories } from './log-directories.ts';
import type { ShardHandle } from './shard-handle.ts';

/** There is nothing left to serve from; the message says what failed. */
export class DirectoriesLost extends Error {
  override readonly name = 'DirectoriesLost';
}

export class OfflineDirectories {
  private readonly directories: LogDirectories;
  private readonly log: BrokerLog;
  private readonly onDeath: (cause: Error) => void;
  private shards: readonly ShardHandle[] = [];
  private controller: Controller | null = null;

  constructor(directories: LogDirectories, log: BrokerLog, onDeath: (cause: Error) => void) {
    this.directories = directories;
    this.log = log;
    this.onDeath = onDeath;
  }

  /** From now on these are told. */
  attach(shards: readonly ShardHandle[], controller: Controller): void {
    this.shards = shards;
    this.controller = controller;
    for (const directory of this.directories.offline) for (const shard of shards) shard.failDirectory(directory, 0);
  }

  fail(directory: string, reason: string, errno = 0, remedy = 'restart after repair'): void {
    const { offline, paths } = this.directories;
    if (offline.has(directory)) return;
    offline.add(directory);
    this.log.error(`log directory ${directory} is offline: ${reason}; ${remedy}`, { directory });
    for (const shard of this.shards) shard.failDirectory(directory, errno);
    if (directory === paths[0]) this.onDeath(new DirectoriesLost(`the broker stops: ${directory}, which holds the metadata, has failed`));
    else if (offline.size === paths.length) this.onDeath(new DirectoriesLost(`the broker stops: all log directories have failed`));
    else
      void this.controller?.unmount(directory).catch((error: unknown) => {
        this.onDeath(error as Error);
      });
  }
}
