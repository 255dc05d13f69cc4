// `partition.metadata` of a partition's directory: which topic id it belongs to. Owner: the shard's thread. Not hot.
// On disk: two lines, `version: 0` and `topic_id: <22 characters>`. Written before the first append and never changed.

import { isUuidText } from '../base/uuid.ts';
import type { FileSystem } from '../io/file-system.ts';

const NAME = 'partition.metadata';

/** The topic id, or null when there is no file or not a whole one. */
export function readPartitionMetadata(fs: FileSystem, dir: string): string | null {
  const path = `${dir}/${NAME}`;
  if (!fs.exists(path)) return null;
  const match = /^version: 0\r?\ntopic_id: (\S+)\r?\n?$/.exec(fs.readText(path));
  return match !== null && isUuidText(match[1]!) ? match[1]! : null;
}

/** The caller syncs the directory: creating a partition makes several names and syncs them once. */
export function writePartitionMetadata(fs: FileSystem, dir: string, topicId: string): void {
  const bytes = new TextEncoder().encode(`version: 0\ntopic_id: ${topicId}\n`);
  const fd = fs.open(`${dir}/${NAME}`, 'w+');
  try {
    fs.write(fd, bytes, 0, bytes.length, 0);
    fs.fdatasync(fd);
  } finally {
    fs.close(fd);
  }
}
