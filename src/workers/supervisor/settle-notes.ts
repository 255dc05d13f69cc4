// Give recovery notes that shards left their names, once they and the index files they speak of are on the disk. Owner: the
// supervisor's thread, through the thread pool: a shard must not wait for a sync, and who embeds the broker here neither.
// Not hot: a few syncs for every 64 MiB or so of a log.

import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isDiskError } from '../../engine/io/disk-error.ts';
import type { FreshNote } from '../../engine/log/log-checkpoints.ts';
import { DISK_NOTE, NEXT_NOTE } from '../../engine/log/recovery-note.ts';
import { OFFSET_INDEX_SUFFIX, segmentFileName, TIME_INDEX_SUFFIX } from '../../engine/log/segment-name.ts';

/** @param failed is told of a log directory that refuses; notes of others are settled all the same */
export async function settleNotes(notes: readonly FreshNote[], failed: (directory: string, error: unknown) => void): Promise<void> {
  for (const note of notes) {
    try {
      await settleNote(note);
    } catch (error) {
      // The topic was deleted meanwhile, or retention took the segment.
      if ((error as { code?: string }).code === 'ENOENT') continue;
      if (!isDiskError(error)) throw error;
      failed(dirname(note.dir), error);
    }
  }
}

async function settleNote({ dir, baseOffsets }: FreshNote): Promise<void> {
  for (const baseOffset of baseOffsets) {
    await sync(`${dir}/${segmentFileName(baseOffset, OFFSET_INDEX_SUFFIX)}`);
    await sync(`${dir}/${segmentFileName(baseOffset, TIME_INDEX_SUFFIX)}`);
  }
  await sync(`${dir}/${NEXT_NOTE}`);
  await rename(`${dir}/${NEXT_NOTE}`, `${dir}/${DISK_NOTE}`);
  await sync(dir);
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}
