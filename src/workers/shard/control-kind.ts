// Kinds of control messages between the supervisor and the shards, and among shards. Owner: constants.
// Bodies are plain data (msgpackr); the type of each stands beside its number.

import type { CheckpointEntry } from '../../engine/log/checkpoint-file.ts';
import type { FreshNote } from '../../engine/log/log-checkpoints.ts';
import type { MetadataDelta } from '../../engine/metadata/metadata-delta.ts';

export const ControlKind = {
  /** Supervisor → shard, call: ImageBody. Answered when the shard's partitions follow it. */
  IMAGE: 1,
  /** Supervisor → shard, call: ListenBody. Answered with the ports. */
  LISTEN: 2,
  /** Supervisor → shard, call: nothing. Answered with CheckpointReport. */
  CHECKPOINTS: 3,
  /** Supervisor → shard, call: accept no more, answer what is in line, close all logs. Answered with CheckpointReport. */
  CLOSE: 4,
  /** Shard → supervisor, call: VerbBody of ControllerVerbs. */
  CONTROLLER: 5,
  /** Shard → shard, call: VerbBody of PartitionVerbs. */
  PARTITIONS: 6,
  /** Shard → shard, call: VerbBody of GroupCoordinator. */
  GROUPS: 7,
  /** Shard → supervisor, one-way: EventBody for the log. */
  EVENT: 8,
  /** Supervisor → shard, call: nothing. Answered with the reactor's report once the shard is put together. */
  READY: 9,
  /** Shard → supervisor, and then supervisor → all shards, one-way: DirectoryFailedBody. */
  DIRECTORY_FAILED: 10,
  /** Shard → supervisor, one-way: nothing. So much is on the disk that the recovery points should say so. */
  CHECKPOINT_DUE: 11,
  /** Shard → supervisor, call: CleanJob. Answered with a CleanOutcome when a background thread has done it. */
  CLEAN: 12,
  /** Supervisor → shard, call: all shards have closed. Answered when it has no file open any more. */
  END: 13,
} as const;

export interface DirectoryFailedBody {
  readonly directory: string;
  readonly errno: number;
}

export interface ImageBody {
  readonly delta: MetadataDelta;
}

export interface ListenBody {
  readonly listeners: readonly { readonly name: string; readonly host: string; readonly port: number }[];
  readonly reusePort: boolean;
}

/** By log directory. */
export interface Checkpoints {
  readonly recoveryPoints: Readonly<Record<string, readonly CheckpointEntry[]>>;
  readonly logStartOffsets: Readonly<Record<string, readonly CheckpointEntry[]>>;
  readonly highWatermarks: Readonly<Record<string, readonly CheckpointEntry[]>>;
  /** Directories of logs that failed: what their files hold has to be read again at the next start. */
  readonly failedDirectories: readonly string[];
  readonly firstDirtyOffsets: Readonly<Record<string, readonly CheckpointEntry[]>>;
}

/** What a shard reports for the checkpoint files. */
export interface CheckpointReport extends Checkpoints {
  readonly notes: readonly FreshNote[];
}

export interface VerbBody {
  readonly verb: string;
  readonly request: unknown;
}

export interface EventBody {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly detail?: Readonly<Record<string, string | number>>;
}
