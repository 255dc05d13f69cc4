// What an interrupted cleaning left in a partition's directory. Owner: the shard's thread, before it opens the log. Not hot.
//
//   `.cleaned`                      was never decided upon: removed
//   `.swap` from the least `.cleaned` on   its turn had not come: removed, so that swaps take effect in order
//   other `N.log.swap`              stands for all segments in its range of offsets: they go, it gets its final name
//   an index's `.swap` without its log's   either too early or too late: removed, an index can be made again
//
// Doing this twice, or being killed in the middle of it, changes nothing.

import type { FileSystem } from '../../io/file-system.ts';
import { ScanStatus, type BatchScanner } from '../batch-scanner.ts';
import { CLEANED_SUFFIX, LOG_SUFFIX, offsetOfFileName, segmentFileName, SWAP_SUFFIX, SWAPPED_SUFFIXES } from '../segment-name.ts';

/** `names` of what lies in the directory. @returns whether it has others now */
export function recoverSwaps(fs: FileSystem, scanner: BatchScanner, dir: string, names: readonly string[]): boolean {
  let leastCleaned = Infinity;
  for (const name of names) {
    if (name.endsWith(CLEANED_SUFFIX)) leastCleaned = Math.min(leastCleaned, Number(name.slice(0, name.indexOf('.'))));
  }
  const swaps = names.map((name) => offsetOfFileName(name, LOG_SUFFIX + SWAP_SUFFIX)).filter((base) => base >= 0);
  if (leastCleaned === Infinity && !names.some((name) => name.endsWith(SWAP_SUFFIX))) return false;
  for (const base of swaps.sort((a, b) => a - b)) {
    // Without its source it is all there is: swaps take effect after the last of them has been decided upon.
    const alone = !fs.exists(`${dir}/${segmentFileName(base, LOG_SUFFIX)}`);
    if (base < leastCleaned || alone) completeSwap(fs, scanner, dir, base, names);
  }
  for (const name of fs.list(dir)) if (name.endsWith(SWAP_SUFFIX)) fs.remove(`${dir}/${name}`);
  // Last: while one is there, it keeps later swaps from taking effect.
  for (const name of names) if (name.endsWith(CLEANED_SUFFIX)) fs.remove(`${dir}/${name}`);
  fs.syncDirectory(dir);
  return true;
}

function completeSwap(fs: FileSystem, scanner: BatchScanner, dir: string, base: number, names: readonly string[]): void {
  const pathOf = (offset: number, suffix: string): string => `${dir}/${segmentFileName(offset, suffix)}`;
  const endOffset = endOffsetOf(fs, scanner, pathOf(base, LOG_SUFFIX) + SWAP_SUFFIX, base);
  for (const name of names) {
    const source = offsetOfFileName(name, LOG_SUFFIX);
    if (source <= base || source >= endOffset) continue;
    for (const suffix of SWAPPED_SUFFIXES) fs.remove(pathOf(source, suffix));
  }
  // Indexes without a `.swap` belong to the source if that is still there, else they have their final names already.
  const sourceIsThere = fs.exists(pathOf(base, LOG_SUFFIX));
  for (const suffix of SWAPPED_SUFFIXES) {
    const path = pathOf(base, suffix);
    if (fs.exists(path + SWAP_SUFFIX)) fs.rename(path + SWAP_SUFFIX, path);
    else if (sourceIsThere) fs.remove(path);
  }
}

/** The last batch of a cleaned segment says how far it reaches. */
function endOffsetOf(fs: FileSystem, scanner: BatchScanner, path: string, base: number): number {
  const fd = fs.open(path, 'r');
  try {
    let endOffset = base;
    scanner.begin(fd, 0, fs.size(fd), base, false);
    while (scanner.next() === ScanStatus.OK) endOffset = scanner.lastOffset + 1;
    return endOffset;
  } finally {
    fs.close(fd);
  }
}
