// What recovery, reading or scrubbing found unreadable, kept over restarts: a clean stop is followed by no scan that could
// find it again, and what never reached the disk must not look like a loss once the recovery point has passed it. Owner: the
// shard's thread. Not hot.
//
// On disk: `damaged-ranges` in the partition's directory, as text in the manner of the checkpoint files; each line
// `segment startPosition endPosition startOffset endOffset reason`. A line whose bytes are good again (somebody put a copy in
// their place), or whose segment is gone, is dropped.

import { BadCheckpoint, checkpointNumber, checkpointRows } from './checkpoint-file.ts';
import type { FileSystem } from '../io/file-system.ts';
import { ScanStatus, type BatchScanner } from './batch-scanner.ts';
import type { Log } from './log.ts';
import { closeDescriptor, openSegment } from './segment-files.ts';
import { hasHole, isNeverFlushed } from './never-flushed.ts';
import type { DamagedRange, DamageRow, Segment } from './segment.ts';

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

/** Take up again what is still damaged, and keep what recovery found besides. @throws what the disk throws */
export function loadDamage(fs: FileSystem, scanner: BatchScanner, log: Log): void {
  for (const { base, range } of readDamage(fs, log)) {
    const segment = log.segments.find((each) => each.baseOffset === base);
    if (segment === undefined || range.endPosition > segment.writtenBytes || segment.damage?.some((known) => covers(known, range)))
      continue;
    if (!isWholeAgain(fs, scanner, log, segment, range)) addDamage(segment, range);
  }
  const { damage, unflushed } = log.recovery!;
  if (damage.length + unflushed.length > 0) saveDamage(fs, log);
}

function covers(known: DamagedRange, range: DamagedRange): boolean {
  if (known.startPosition === range.startPosition) return known.endPosition >= range.endPosition;
  return known.startPosition < range.startPosition && known.endPosition > range.startPosition;
}

/** Bytes of the segment are not what was written: it may be neither replaced nor read past in silence. */
export function isLost({ damage }: Segment): boolean {
  return damage !== null && damage.some((range) => !isNeverFlushed(range));
}

/** In the order of their positions. */
export function addDamage(segment: Segment, range: DamagedRange): void {
  segment.damage ??= [];
  segment.damage.push(range);
  segment.damage.sort((a, b) => a.startPosition - b.startPosition);
}

/** A file that breaks its own format says nothing: scrubbing finds the damage again. @throws what the disk throws */
export function readDamage(fs: FileSystem, log: Log): DamageRow[] {
  if (!fs.exists(pathOf(log))) return [];
  try {
    return checkpointRows(fs.readText(pathOf(log)), FIELDS).map((row) => {
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
  if (range.endPosition === range.startPosition) {
    // A gap between two segments: one of them is another by now.
    const next = log.segments[log.segments.indexOf(segment) + 1];
    return segment.writtenBytes !== range.startPosition || next?.baseOffset !== range.endOffset;
  }
  const wasOpen = segment.fd >= 0;
  openSegment(fs, segment);
  // Without a hole the segment was cleaned since, and its bytes are others.
  const cleaned = isNeverFlushed(range) && !hasHole(fs, segment.fd, range.startPosition, range.endPosition);
  const whole = cleaned || isReadable(scanner, segment, range);
  if (!wasOpen && segment !== log.active) closeDescriptor(fs, segment);
  return whole;
}

function isReadable(scanner: BatchScanner, segment: Segment, range: DamagedRange): boolean {
  scanner.begin(segment.fd, range.startPosition, range.endPosition, range.startOffset, true);
  let status = scanner.next();
  while (status === ScanStatus.OK && scanner.lastOffset < range.endOffset) status = scanner.next();
  return status === ScanStatus.END;
}
