// Numbered records with a checksum inside, and the check that all of them came back: once, in order, with their bytes.

import { crc32 } from 'node:zlib';

const alphabet = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,-_äß€';

/** Text of `length` characters that depends only on `n`: half of it repeats, so that every codec has something to do. */
function filler(n, length) {
  let state = (n * 2654435761) >>> 0 || 1;
  let text = '';
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    text += i % 8 < 4 ? 'r' : alphabet[(state >>> 0) % alphabet.length];
  }
  return text;
}

/** Value of record `n`: one line of text, `n|crc|filler`. */
export function valueOf(n, size = 40 + (n % 160)) {
  const text = filler(n, size);
  return `${n}|${crc32(text).toString(16)}|${text}`;
}

export function keyOf(n) {
  return `key-${n % 97}`;
}

/** The number in a value, if the value is exactly what `valueOf` makes of it. */
export function numberIn(value) {
  const [number, sum, ...rest] = value.split('|');
  const text = rest.join('|');
  if (!/^\d+$/.test(number) || crc32(text).toString(16) !== sum) throw new Error(`a value came back changed: ${value.slice(0, 120)}`);
  return Number(number);
}

/**
 * @param records `{ partition, offset, value, key? }` in the order in which they were read
 * @param range numbers that must be there, each once: `from` (0) up to but not including `to`
 */
export function checkRecords(records, { from = 0, to, keys = false }) {
  const seen = new Set();
  const last = new Map();
  for (const { partition, offset, value, key } of records) {
    const n = numberIn(value);
    if (n < from || n >= to) throw new Error(`record ${n} does not belong here (${from} to ${to - 1} do)`);
    if (seen.has(n)) throw new Error(`record ${n} came twice (partition ${partition}, offset ${offset})`);
    seen.add(n);
    if (keys && key !== keyOf(n)) throw new Error(`record ${n} has key ${key}, not ${keyOf(n)}`);
    const before = last.get(partition);
    if (before && Number(offset) <= before.offset) throw new Error(`partition ${partition}: offset ${offset} after ${before.offset}`);
    if (before && n < before.n) throw new Error(`partition ${partition}: record ${n} stands after record ${before.n}`);
    last.set(partition, { n, offset: Number(offset) });
  }
  if (seen.size !== to - from) {
    let missing = from;
    while (seen.has(missing)) missing++;
    throw new Error(`${seen.size} of ${to - from} records came back; the first missing one is ${missing}`);
  }
}
