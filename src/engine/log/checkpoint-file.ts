// Kafka's checkpoint files: one offset a partition, kept in the root of a log directory. Owner: the supervisor (it merges
// all shards' entries) and each shard at opening. Not hot.
//
// On disk: text; line 1 the version, 0; line 2 the number of entries; then one `topic partition offset` a line. Replaced
// whole (temporary file, fsync, rename), so a crash leaves the old or the new one. An empty file holds no entries.

import type { FileSystem } from '../io/file-system.ts';

export const RECOVERY_POINT_CHECKPOINT = 'recovery-point-offset-checkpoint';
export const LOG_START_CHECKPOINT = 'log-start-offset-checkpoint';
export const HIGH_WATERMARK_CHECKPOINT = 'replication-offset-checkpoint';
export const CLEANER_CHECKPOINT = 'cleaner-offset-checkpoint';

/** A line of a checkpoint file; `name` is `<topic>-<partition>`. */
export interface CheckpointEntry {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** A checkpoint file that breaks its own format. */
export class BadCheckpoint extends Error {
  override readonly name = 'BadCheckpoint';
}

/** `<topic>-<partition>` of a partition directory; null when it is none. */
export function parsePartitionName(name: string): { topic: string; partition: number } | null {
  const match = /^([a-zA-Z0-9._-]+)-(0|[1-9]\d{0,9})$/.exec(name);
  return match === null ? null : { topic: match[1]!, partition: Number(match[2]) };
}

export function formatCheckpoint(entries: readonly CheckpointEntry[]): string {
  let text = `0\n${entries.length}\n`;
  for (const entry of entries) text += `${entry.topic} ${entry.partition} ${entry.offset}\n`;
  return text;
}

/** @throws BadCheckpoint */
export function parseCheckpoint(text: string): CheckpointEntry[] {
  return checkpointRows(text, 3).map((row) => ({
    topic: row[0]!,
    partition: checkpointNumber(row[1]!),
    offset: checkpointNumber(row[2]!),
  }));
}

/** The rows of a checkpoint of any kind, each split into `fields` words. @throws BadCheckpoint */
export function checkpointRows(text: string, fields: number): string[][] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  if (lines.length === 0) return [];
  if (lines[0] !== '0') throw new BadCheckpoint(`version ${lines[0]}`);
  const count = checkpointNumber(lines[1] ?? '');
  if (count !== lines.length - 2) throw new BadCheckpoint(`${count} entries announced, ${lines.length - 2} present`);
  return lines.slice(2).map((line) => {
    const words = line.split(' ');
    if (words.length !== fields) throw new BadCheckpoint(`line ${JSON.stringify(line)}`);
    return words;
  });
}

export function checkpointNumber(text: string): number {
  if (!/^-?\d{1,16}$/.test(text)) throw new BadCheckpoint(`not a number: ${JSON.stringify(text)}`);
  return Number(text);
}

/** The entries by `<topic>-<partition>`; none when there is no file. @throws BadCheckpoint */
export function readCheckpoint(fs: FileSystem, path: string): Map<string, number> {
  const offsets = new Map<string, number>();
  if (!fs.exists(path)) return offsets;
  for (const entry of parseCheckpoint(fs.readText(path))) offsets.set(`${entry.topic}-${entry.partition}`, entry.offset);
  return offsets;
}

export function writeCheckpoint(fs: FileSystem, path: string, entries: readonly CheckpointEntry[]): void {
  fs.replaceText(path, formatCheckpoint(entries));
}
