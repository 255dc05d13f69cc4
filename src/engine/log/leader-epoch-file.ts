// `leader-epoch-checkpoint` of a partition: a checkpoint file of `epoch startOffset` lines, ascending.
// Owner: the shard's thread. Not hot.

import type { FileSystem } from '../io/file-system.ts';
import { BadCheckpoint, checkpointNumber, checkpointRows } from './checkpoint-file.ts';
import type { LeaderEpochCache } from './leader-epoch-cache.ts';
import type { Log } from './log.ts';

const NAME = 'leader-epoch-checkpoint';

/** A missing file leaves the cache empty; so does one that breaks its format (false): recovery fills it from the log. */
export function loadLeaderEpochs(fs: FileSystem, dir: string, cache: LeaderEpochCache): boolean {
  const path = `${dir}/${NAME}`;
  cache.clear();
  cache.dirty = false;
  if (!fs.exists(path)) return true;
  try {
    for (const [epoch, startOffset] of checkpointRows(fs.readText(path), 2)) {
      cache.assign(checkpointNumber(epoch!), checkpointNumber(startOffset!));
    }
    cache.dirty = false;
    return true;
  } catch (error) {
    if (!(error instanceof BadCheckpoint)) throw error;
    cache.clear();
    cache.dirty = true;
    return false;
  }
}

export function saveLeaderEpochs(fs: FileSystem, log: Log): void {
  const { leaderEpochs } = log;
  if (!leaderEpochs.dirty) return;
  let text = `0\n${leaderEpochs.epochs.length}\n`;
  for (let i = 0; i < leaderEpochs.epochs.length; i++) text += `${leaderEpochs.epochs[i]} ${leaderEpochs.startOffsets[i]}\n`;
  fs.replaceText(`${log.dir}/${NAME}`, text);
  leaderEpochs.dirty = false;
}
