// Walk the headers of a segment's batches, over damage that recovery isolated. Owner: the shard's thread. Not hot.

import { ScanStatus, type BatchScanner } from './batch-scanner.ts';
import type { Segment } from './segment.ts';

/** The segment is open; `position` is where a batch begins. */
export function beginWalk(scanner: BatchScanner, segment: Segment, position: number): void {
  scanner.begin(segment.fd, position, segment.writtenBytes, segment.baseOffset, false);
}

/** The next batch becomes the scanner's current one; false at the end. */
export function nextBatch(scanner: BatchScanner, segment: Segment): boolean {
  for (;;) {
    const status = scanner.next();
    if (status === ScanStatus.OK) return true;
    if (status === ScanStatus.END || segment.damage === null) return false;
    const position = scanner.position;
    const range = segment.damage.find((damaged) => damaged.startPosition === position);
    if (range === undefined || range.endPosition >= segment.writtenBytes) return false;
    beginWalk(scanner, segment, range.endPosition);
  }
}
