// Times a piece of work: nanoseconds and heap bytes an operation, the median of several rounds after a warm-up.
//
// `round(count)` does the work `count` times and returns nothing, or { ns } where it has measured only a part of itself.
// Bytes are the growth of the used heap in a round; a round in which something was collected shrinks and does not count.

import { getHeapStatistics } from 'node:v8';

const ROUNDS = 7;

/** @returns {{ name: string, ns: number, bytes: number, note: string }} */
export function measure(name, count, round, note = '') {
  for (let i = 0; i < 3; i++) round(count);
  const times = [];
  const growths = [];
  for (let i = 0; i < ROUNDS; i++) {
    globalThis.gc?.();
    const before = getHeapStatistics().used_heap_size;
    const start = process.hrtime.bigint();
    const own = round(count);
    const took = Number(process.hrtime.bigint() - start);
    const growth = getHeapStatistics().used_heap_size - before;
    times.push((own?.ns ?? took) / count);
    if (growth >= 0) growths.push((own?.bytes ?? growth) / count);
  }
  return { name, ns: median(times), bytes: growths.length === 0 ? NaN : median(growths), note };
}

function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1];
}
