// The log directories of the process: locked, named, and their checkpoint files. Owner: the supervisor's thread.
// Shards report what their logs have come to; only this writes the files, which all shards share. Not hot.

import { dirname } from 'node:path';
import type { FileSystem } from '../../engine/io/file-system.ts';
import {
  type CheckpointEntry,
  CLEANER_CHECKPOINT,
  HIGH_WATERMARK_CHECKPOINT,
  LOG_START_CHECKPOINT,
  readCheckpoint,
  RECOVERY_POINT_CHECKPOINT,
  writeCheckpoint,
} from '../../engine/log/checkpoint-file.ts';
import { replayJournals } from '../../engine/log/commit-journal-replay.ts';
import {
  lockDirectory,
  processStartTime,
  readMetaProperties,
  removeDeleted,
  takeCleanMarker,
  unlockDirectory,
  writeCleanMarker,
  writeMetaProperties,
} from '../../engine/log/log-directory.ts';
import { isDiskError } from '../../engine/io/disk-error.ts';
import type { DirectoryIdentity, FoundDirectory } from '../../engine/metadata/cluster-identity.ts';
import type { CheckpointReport, Checkpoints } from '../shard/control-kind.ts';
import type { DirectoryFacts } from '../shard/directory-facts.ts';
import { pageCacheSession } from './page-cache-session.ts';
import { settleNotes } from './settle-notes.ts';

export class LogDirectories {
  readonly paths: readonly string[];
  readonly facts = new Map<string, DirectoryFacts>();
  /** Paths that failed: nothing is written there any more. */
  readonly offline = new Set<string>();
  private readonly fs: FileSystem;

  private constructor(fs: FileSystem, paths: readonly string[]) {
    this.fs = fs;
    this.paths = paths;
  }

  /**
   * Lock all, then read what the last run left. One that the disk refuses is offline from the start, unless it is the first,
   * which holds the metadata. @throws DirectoryLocked, BadCheckpoint, or what the disk throws
   */
  static open(fs: FileSystem, paths: readonly string[], pid: number, failed: (path: string, error: unknown) => void): LogDirectories {
    const directories = new LogDirectories(fs, paths);
    const locked: string[] = [];
    try {
      for (const path of paths) {
        try {
          lockDirectory(fs, path, pid, (other) => processStartTime(fs, other));
          locked.push(path);
          directories.facts.set(path, readFacts(fs, path));
        } catch (error) {
          if (!isDiskError(error) || path === paths[0]) throw error;
          directories.offline.add(path);
          failed(path, error);
        }
      }
    } catch (error) {
      for (const path of locked) unlockDirectory(fs, path);
      throw error;
    }
    return directories;
  }

  get online(): string[] {
    return this.paths.filter((path) => !this.offline.has(path));
  }

  /** Whose the directories say they are. */
  found(): FoundDirectory[] {
    return this.online.map((path) => {
      const meta = readMetaProperties(this.fs, path);
      return { path, clusterId: meta?.clusterId ?? null, nodeId: meta?.nodeId ?? null, directoryId: meta?.directoryId ?? null };
    });
  }

  writeMeta(clusterId: string, nodeId: number, directories: readonly DirectoryIdentity[]): void {
    for (const { path, id, isNew } of directories) {
      if (isNew) writeMetaProperties(this.fs, path, { clusterId, nodeId, directoryId: id });
    }
  }

  /**
   * Before any log is opened: put what the commit journals have into the segments.
   * @param told one line a directory where there was something to do
   */
  replayJournals(shardCount: number, told: (line: string, isFault: boolean) => void, failed: (path: string, error: unknown) => void): void {
    this.eachOnline(failed, (path) => {
      const report = replayJournals(this.fs, path, readMetaProperties(this.fs, path)?.directoryId ?? '', shardCount);
      if (report === null) return;
      const { records, entries, restored, restoredBytes, gone } = report;
      const back = restored === 0 ? 'the segments have all of it' : `${restored} of them written to segments (${restoredBytes} bytes)`;
      told(
        `commit journal of ${path}: ${entries} commits in ${records} records, ${back}${gone > 0 ? `, ${gone} of partitions deleted since` : ''}`,
        false,
      );
      for (const fault of report.faults) told(fault, true);
    });
  }

  /** @param failed is told of a directory that refuses; the others are written all the same */
  async writeCheckpoints(shards: readonly CheckpointReport[], failed: (path: string, error: unknown) => void): Promise<void> {
    const notes = shards.flatMap((shard) => shard.notes);
    await settleNotes(
      notes.filter(({ dir }) => !this.offline.has(dirname(dir))),
      failed,
    );
    this.eachOnline(failed, (path) => {
      const merge = (part: Exclude<keyof Checkpoints, 'failedDirectories'>): CheckpointEntry[] =>
        shards.flatMap((shard) => shard[part][path] ?? []);
      writeCheckpoint(this.fs, `${path}/${RECOVERY_POINT_CHECKPOINT}`, merge('recoveryPoints'));
      writeCheckpoint(this.fs, `${path}/${LOG_START_CHECKPOINT}`, merge('logStartOffsets'));
      writeCheckpoint(this.fs, `${path}/${HIGH_WATERMARK_CHECKPOINT}`, merge('highWatermarks'));
      writeCheckpoint(this.fs, `${path}/${CLEANER_CHECKPOINT}`, merge('firstDirtyOffsets'));
    });
  }

  /** The last act of a clean stop. A directory with a failed log gets none: its logs are checked at the next start. */
  writeCleanMarkers(shards: readonly Checkpoints[], failed: (path: string, error: unknown) => void): void {
    this.eachOnline(failed, (path) => {
      if (!shards.some((shard) => shard.failedDirectories.includes(path))) writeCleanMarker(this.fs, path, 0);
    });
  }

  unlock(): void {
    // A lock that cannot be removed names a process that is gone.
    this.eachOnline(
      () => undefined,
      (path) => unlockDirectory(this.fs, path),
    );
  }

  private eachOnline(failed: (path: string, error: unknown) => void, work: (path: string) => void): void {
    for (const path of this.paths) {
      if (this.offline.has(path)) continue;
      try {
        work(path);
      } catch (error) {
        if (!isDiskError(error)) throw error;
        failed(path, error);
      }
    }
  }
}

function readFacts(fs: FileSystem, path: string): DirectoryFacts {
  removeDeleted(fs, path);
  return {
    clean: takeCleanMarker(fs, path),
    session: pageCacheSession(path),
    recoveryPoints: readCheckpoint(fs, `${path}/${RECOVERY_POINT_CHECKPOINT}`),
    logStartOffsets: readCheckpoint(fs, `${path}/${LOG_START_CHECKPOINT}`),
    firstDirtyOffsets: readCheckpoint(fs, `${path}/${CLEANER_CHECKPOINT}`),
  };
}
