// The log directories of the process: locked, named, and their checkpoint files. Owner: the supervisor's thread.
// Shards report what their logs have come to; only this writes the files, which all shards share. Not hot.

import type { FileSystem } from '../../engine/io/file-system.ts';
import {
  type CheckpointEntry,
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
import type { DirectoryIdentity, FoundDirectory } from '../../engine/metadata/cluster-identity.ts';
import type { CheckpointReport, Checkpoints } from '../shard/control-kind.ts';
import type { DirectoryFacts } from '../shard/directory-facts.ts';
import { pageCacheSession } from './page-cache-session.ts';
import { settleNotes } from './settle-notes.ts';

export class LogDirectories {
  readonly paths: readonly string[];
  readonly facts = new Map<string, DirectoryFacts>();
  private readonly fs: FileSystem;

  private constructor(fs: FileSystem, paths: readonly string[]) {
    this.fs = fs;
    this.paths = paths;
  }

  /** Lock all, then read what the last run left. @throws DirectoryLocked, BadCheckpoint */
  static open(fs: FileSystem, paths: readonly string[], pid: number): LogDirectories {
    const directories = new LogDirectories(fs, paths);
    const locked: string[] = [];
    try {
      for (const path of paths) {
        lockDirectory(fs, path, pid, (other) => processStartTime(fs, other));
        locked.push(path);
      }
      for (const path of paths) directories.facts.set(path, readFacts(fs, path));
    } catch (error) {
      for (const path of locked) unlockDirectory(fs, path);
      throw error;
    }
    return directories;
  }

  /** Whose the directories say they are. */
  found(): FoundDirectory[] {
    return this.paths.map((path) => {
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
   * Before any log is opened: put what the commit journals have into the segments. @throws what the disk throws
   * @param told one line a directory where there was something to do
   */
  replayJournals(shardCount: number, told: (line: string, isFault: boolean) => void): void {
    for (const path of this.paths) {
      const report = replayJournals(this.fs, path, readMetaProperties(this.fs, path)?.directoryId ?? '', shardCount);
      if (report === null) continue;
      const { records, entries, restored, restoredBytes, gone } = report;
      const back = restored === 0 ? 'the segments have all of it' : `${restored} of them written to segments (${restoredBytes} bytes)`;
      told(
        `commit journal of ${path}: ${entries} commits in ${records} records, ${back}${gone > 0 ? `, ${gone} of partitions deleted since` : ''}`,
        false,
      );
      for (const fault of report.faults) told(fault, true);
    }
  }

  async writeCheckpoints(shards: readonly CheckpointReport[]): Promise<void> {
    await settleNotes(shards.flatMap(({ notes }) => notes));
    for (const path of this.paths) {
      const merge = (part: Exclude<keyof Checkpoints, 'failedDirectories'>): CheckpointEntry[] =>
        shards.flatMap((shard) => shard[part][path] ?? []);
      writeCheckpoint(this.fs, `${path}/${RECOVERY_POINT_CHECKPOINT}`, merge('recoveryPoints'));
      writeCheckpoint(this.fs, `${path}/${LOG_START_CHECKPOINT}`, merge('logStartOffsets'));
      writeCheckpoint(this.fs, `${path}/${HIGH_WATERMARK_CHECKPOINT}`, merge('highWatermarks'));
    }
  }

  /** The last act of a clean stop. A directory with a failed log gets none: its logs are checked at the next start. */
  writeCleanMarkers(shards: readonly Checkpoints[]): void {
    for (const path of this.paths) {
      if (!shards.some((shard) => shard.failedDirectories.includes(path))) writeCleanMarker(this.fs, path, 0);
    }
  }

  unlock(): void {
    for (const path of this.paths) unlockDirectory(this.fs, path);
  }
}

function readFacts(fs: FileSystem, path: string): DirectoryFacts {
  removeDeleted(fs, path);
  return {
    clean: takeCleanMarker(fs, path),
    session: pageCacheSession(path),
    recoveryPoints: readCheckpoint(fs, `${path}/${RECOVERY_POINT_CHECKPOINT}`),
    logStartOffsets: readCheckpoint(fs, `${path}/${LOG_START_CHECKPOINT}`),
  };
}
