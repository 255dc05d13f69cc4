// Is there a valid batch behind a bad spot? That tells a torn tail (nothing valid follows: cut it off) from damage in the
// middle (keep what follows, isolate the spot). Owner: the shard's thread. Not hot: recovery only.
//
// A batch's bytes may themselves contain batches (a topic that mirrors another), so bytes that look like a batch are
// believed only if their offset fits, their CRC holds, and what comes after them is the end or another batch's header.

import type { FileSystem } from '../io/file-system.ts';
import { BATCH_HEADER_BYTES, BATCH_LENGTH_OVERHEAD, BATCH_MAGIC, BatchField, readInt64 } from '../record/batch-header.ts';
import { ScanStatus, type BatchScanner } from './batch-scanner.ts';

const WINDOW_BYTES = 1024 * 1024;
const RELATIVE_OFFSET_MAX = 0x7fff_ffff;

/**
 * Position of the first believable batch in (bad, end), or -1. Offsets lie in [minOffset, segmentBase + 2^31).
 * @param stop look at no beginning behind it
 */
export function findValidBatch(
  fs: FileSystem,
  scanner: BatchScanner,
  fd: number,
  bad: number,
  end: number,
  minOffset: number,
  segmentBase: number,
  stop = end,
): number {
  const window = new Uint8Array(Math.min(WINDOW_BYTES, end - bad));
  const view = new DataView(window.buffer);
  const limitOffset = segmentBase + RELATIVE_OFFSET_MAX;
  for (let start = bad + 1; end - start >= BATCH_HEADER_BYTES && start <= stop;) {
    const bytes = fs.read(fd, window, 0, Math.min(window.length, end - start), start);
    const last = bytes - BATCH_HEADER_BYTES;
    if (last < 0) return -1;
    // indexOf runs at memory speed, which matters where the rest of the file is zeros.
    for (let magic = window.indexOf(BATCH_MAGIC, BatchField.MAGIC); magic >= 0; magic = window.indexOf(BATCH_MAGIC, magic + 1)) {
      const at = magic - BatchField.MAGIC;
      if (at > last) break;
      if (!plausibleHeader(view, at, end - start - at, minOffset, limitOffset)) continue;
      if (isBelievable(scanner, fd, start + at, end, minOffset)) return start + at;
    }
    start += last + 1;
  }
  return -1;
}

function plausibleHeader(view: DataView, at: number, left: number, minOffset: number, limitOffset: number): boolean {
  const length = view.getInt32(at + BatchField.LENGTH) + BATCH_LENGTH_OVERHEAD;
  if (length < BATCH_HEADER_BYTES || length > left) return false;
  const baseOffset = readInt64(view, at + BatchField.BASE_OFFSET);
  return baseOffset >= minOffset && baseOffset <= limitOffset && view.getInt32(at + BatchField.LAST_OFFSET_DELTA) >= 0;
}

function isBelievable(scanner: BatchScanner, fd: number, position: number, end: number, minOffset: number): boolean {
  scanner.begin(fd, position, end, minOffset, true);
  if (scanner.next() !== ScanStatus.OK) return false;
  scanner.begin(fd, position + scanner.lengthBytes, end, scanner.lastOffset + 1, false);
  const after = scanner.next();
  return after === ScanStatus.OK || after === ScanStatus.END || after === ScanStatus.SHORT;
}
