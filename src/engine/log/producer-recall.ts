// Batches that a producer snapshot does not keep, found again in the log. Owner: the shard's thread. Not hot.
//
// Kafka's snapshot holds a producer's last batch only. An idempotent client has up to five in flight, and sends those whose
// answers a stop took from it again: the older ones must be known too. They are looked up when one of them comes, so
// opening a log costs nothing, and a log that nobody resends to never pays.

import { forgiveDisk } from '../io/disk-error.ts';
import { prepareSegment } from './batch-position.ts';
import type { Log } from './log.ts';
import type { LogTable } from './log-table.ts';
import { replayBatch } from './producer-replay.ts';
import { ProducerState } from './producer-state.ts';
import { beginWalk, nextBatch } from './segment-walk.ts';
import type { Segment } from './segment.ts';

/** How far before the snapshot's offset the log is looked at: five full batches of a few producers. */
const RECALL_BYTES_MAX = 8 * 1024 * 1024;

/** Fill the windows of all the log's producers. False when the log cannot be read; it may be tried again. */
export function recallBatches(table: LogTable, log: Log, maxBytes = RECALL_BYTES_MAX): boolean {
  const { producers } = log;
  const before = new ProducerState();
  try {
    if (!replayBefore(table, log, producers.snapshotOffset, maxBytes, before)) return false;
  } catch (error) {
    forgiveDisk(error);
    return false;
  }
  producers.addOlder(before);
  producers.snapshotOffset = -1;
  return true;
}

/** Into `producers`: the batches of the last `maxBytes` below `offset`. */
function replayBefore(table: LogTable, log: Log, offset: number, maxBytes: number, producers: ProducerState): boolean {
  const { segments } = log;
  let index = segments.length - 1;
  while (index > 0 && segments[index]!.baseOffset >= offset) index--;
  let left = maxBytes;
  let first = index;
  let start = 0;
  for (; first >= 0; first--) {
    const segment = segments[first]!;
    if (!prepareSegment(table, log, segment)) return false;
    const end = endBefore(segment, offset);
    if (end > left) {
      start = boundaryFrom(segment, end - left);
      break;
    }
    left -= end;
  }
  for (let i = Math.max(first, 0); i <= index; i++) {
    // An older segment may have been closed again for the sake of a later one.
    if (!prepareSegment(table, log, segments[i]!)) return false;
    walk(table, segments[i]!, i === first ? start : 0, offset, producers);
  }
  return true;
}

function walk({ scanner }: LogTable, segment: Segment, position: number, offset: number, producers: ProducerState): void {
  if (position >= segment.writtenBytes) return;
  beginWalk(scanner, segment, position);
  while (nextBatch(scanner, segment) && scanner.lastOffset < offset) replayBatch(scanner, producers);
}

/** No batch below the offset begins at or after this position. */
function endBefore(segment: Segment, offset: number): number {
  const index = segment.offsetIndex!;
  const entry = index.ceiling(offset - segment.baseOffset);
  return entry < index.count ? Math.min(index.positions[entry]!, segment.writtenBytes) : segment.writtenBytes;
}

/** Where a batch is known to begin, at or after the position. */
function boundaryFrom(segment: Segment, position: number): number {
  const index = segment.offsetIndex!;
  const entry = index.floorPosition(position - 1) + 1;
  return entry < index.count ? index.positions[entry]! : segment.writtenBytes;
}
