// What scrubbing found unreadable, kept over restarts: a clean stop is followed by no scan that could find it again. Owner:
// the shard's thread. Not hot.
//
// On disk: `damaged-ranges` in the partition's directory, as text in the manner of the checkpoint files; each line
// `segment startPosition endPosition startOffset endOffset reason`. A line whose bytes are good again (somebody put a copy in
// their place), or whose segment is gone, is dropped.

import { BadCheckpoint, checkpointNumber, checkpointRows } from './checkpoint-file.ts';
import type { FileSystem } from '../io/file-system.ts';
import { ScanStatus, type BatchScanner } from './batch-scanner.ts';
import type { Log } from './log.ts';
import { closeDescriptor, openSegment } from './segment-files.ts';
import type { DamagedRange, Segment } from './segment.ts';

const FIELDS = 6;

function pathOf(log: Log): string {
  return `${log.dir}/damaged-ranges`;
}

/** @throws what the disk throws */
export function saveDamage(fs: FileSystem, log: Log): void {
  const rows = log.segments.flatMap((segment) =>
    (segment.damage ?? []).map(({ startPosition, endPosition, startOffset, endOffset, reason }) =>
      [segment.baseOffset, startPosition, endPosition, startOffset, endOffset, reason.replaceAll(' ', '-')].join(' '),
    ),
  );
  fs.replaceText(pathOf(log), ['0', rows.length, ...rows, ''].join('\n'));
}

/** Take up again what is still damaged. @throws what the disk throws */
export function loadDamage(fs: FileSystem, scanner: BatchScanner, log: Log): void {
  if (!fs.exists(pathOf(log))) return;
  for (const { base, range } of readRows(fs.readText(pathOf(log)))) {
    const segment = log.segments.find((each) => each.baseOffset === base);
    if (segment === undefined || range.endPosition > segment.writtenBytes) continue;
    if (segment.damage?.some((known) => known.startPosition <= range.startPosition && known.endPosition > range.startPosition)) continue;
    if (!isWholeAgain(fs, scanner, log, segment, range)) addDamage(segment, range);
  }
}

/** In the order of their positions. */
export function addDamage(segment: Segment, range: DamagedRange): void {
  segment.damage ??= [];
  segment.damage.push(range);
  segment.damage.sort((a, b) => a.startPosition - b.startPosition);
}

/** A file that breaks its own format says nothing: scrubbing finds the damage again. */
function readRows(text: string): { base: number; range: DamagedRange }[] {
  try {
    return checkpointRows(text, FIELDS).map((row) => {
      const [base, startPosition, endPosition, startOffset, endOffset] = row.slice(0, 5).map(checkpointNumber) as [
        number,
        number,
        number,
        number,
        number,
      ];
      return { base, range: { startPosition, endPosition, startOffset, endOffset, reason: row[5]!.replaceAll('-', ' ') } };
    });
  } catch (error) {
    if (error instanceof BadCheckpoint) return [];
    throw error;
  }
}

function isWholeAgain(fs: FileSystem, scanner: BatchScanner, log: Log, segment: Segment, range: DamagedRange): boolean {
  const wasOpen = segment.fd >= 0;
  openSegment(fs, segment);
  scanner.begin(segment.fd, range.startPosition, range.endPosition, range.startOffset, true);
  let status = scanner.next();
  while (status === ScanStatus.OK && scanner.lastOffset < range.endOffset) status = scanner.next();
  if (!wasOpen && segment !== log.active) closeDescriptor(fs, segment);
  return status === ScanStatus.END;
}
