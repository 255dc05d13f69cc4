// The log directories of the process: locked, named, and their checkpoint files. Owner: the supervisor's thread.
// Shards report what their logs have come to; only this writes the files, which all shards share. Not hot.

import type { UuidSource } from '../../engine/base/uuid.ts';
import type { FileSystem } from '../../engine/io/file-system.ts';
import {
  type CheckpointEntry,
  HIGH_WATERMARK_CHECKPOINT,
  LOG_START_CHECKPOINT,
  readCheckpoint,
  RECOVERY_POINT_CHECKPOINT,
  writeCheckpoint,
} from '../../engine/log/checkpoint-file.ts';
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
import type { Checkpoints } from '../shard/control-kind.ts';
import type { DirectoryFacts } from '../shard/directory-facts.ts';

/** The directories belong to another cluster or node. */
export class ForeignDirectory extends Error {
  override readonly name = 'ForeignDirectory';
}

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

  /** The cluster id that the directories already carry, null on new ones. @throws ForeignDirectory when they disagree */
  clusterId(nodeId: number): string | null {
    let clusterId: string | null = null;
    for (const path of this.paths) {
      const meta = readMetaProperties(this.fs, path);
      if (meta === null) continue;
      if (clusterId !== null && meta.clusterId !== clusterId) {
        throw new ForeignDirectory(`${path} belongs to cluster ${meta.clusterId}, another log directory to ${clusterId}`);
      }
      if (meta.nodeId !== nodeId) throw new ForeignDirectory(`${path} belongs to node ${meta.nodeId}, this is node ${nodeId} (node.id)`);
      clusterId = meta.clusterId;
    }
    return clusterId;
  }

  writeMeta(clusterId: string, nodeId: number, uuids: UuidSource): void {
    for (const path of this.paths) {
      if (readMetaProperties(this.fs, path) === null) {
        writeMetaProperties(this.fs, path, { clusterId, nodeId, directoryId: uuids.next() });
      }
    }
  }

  writeCheckpoints(shards: readonly Checkpoints[]): void {
    for (const path of this.paths) {
      const merge = (part: keyof Checkpoints): CheckpointEntry[] => shards.flatMap((shard) => shard[part][path] ?? []);
      writeCheckpoint(this.fs, `${path}/${RECOVERY_POINT_CHECKPOINT}`, merge('recoveryPoints'));
      writeCheckpoint(this.fs, `${path}/${LOG_START_CHECKPOINT}`, merge('logStartOffsets'));
      writeCheckpoint(this.fs, `${path}/${HIGH_WATERMARK_CHECKPOINT}`, merge('highWatermarks'));
    }
  }

  /** The last act of a clean stop. */
  writeCleanMarkers(): void {
    for (const path of this.paths) writeCleanMarker(this.fs, path, 0);
  }

  unlock(): void {
    for (const path of this.paths) unlockDirectory(this.fs, path);
  }
}

function readFacts(fs: FileSystem, path: string): DirectoryFacts {
  removeDeleted(fs, path);
  return {
    clean: takeCleanMarker(fs, path),
    recoveryPoints: readCheckpoint(fs, `${path}/${RECOVERY_POINT_CHECKPOINT}`),
    logStartOffsets: readCheckpoint(fs, `${path}/${LOG_START_CHECKPOINT}`),
  };
}
