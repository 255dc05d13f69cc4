// One config value between its text and what code works with. Owner: any thread; no state. Not hot.

import { INT32_MAX } from './config-row.ts';
import type { ConfigRow, ConfigValue } from './config-row.ts';

export type ParsedValue = { readonly ok: true; readonly value: ConfigValue } | { readonly ok: false; readonly accepted: string };

const INT32_MIN = -(2 ** 31);
const INT64_MAX = 2n ** 63n - 1n;
const WHOLE = /^[+-]?\d{1,20}$/;

/** What a user may write for `row`, in words that end a sentence. */
export function acceptedBy(row: ConfigRow): string {
  if (row.accepted !== undefined) return row.accepted;
  const members = row.oneOf?.join(', ');
  switch (row.type) {
    case 'boolean':
      return 'true or false';
    case 'int':
    case 'long':
      return `a whole number${boundsInWords(row, row.type === 'int' ? INT32_MIN : undefined, row.type === 'int' ? INT32_MAX : undefined)}`;
    case 'double':
      return `a number${boundsInWords(row, undefined, undefined)}`;
    case 'list':
      return members === undefined ? 'a list separated by commas' : `a list of ${members}`;
    case 'string':
    case 'password':
      return members === undefined ? 'a text' : `one of ${members}`;
  }
}

function boundsInWords(row: ConfigRow, typeMin: number | undefined, typeMax: number | undefined): string {
  const min = row.min ?? typeMin;
  const max = row.max ?? typeMax;
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return ` of at least ${min}`;
  return max === undefined ? '' : ` of at most ${max}`;
}

export function parseConfigValue(row: ConfigRow, text: string): ParsedValue {
  const value = read(row, text.trim());
  return value === undefined ? { ok: false, accepted: acceptedBy(row) } : { ok: true, value };
}

/** The default, which the table's own test knows to be valid. */
export function fallbackValue(row: ConfigRow): ConfigValue {
  if (row.fallback === null) return null;
  const value = read(row, row.fallback);
  if (value === undefined) throw new TypeError(`the default of ${row.name} is not valid: ${row.fallback}`);
  return value;
}

/** Members of a list as a user writes it. */
export function splitList(text: string): string[] {
  return text
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
}

function read(row: ConfigRow, text: string): ConfigValue | undefined {
  switch (row.type) {
    case 'int':
      return within(row, readWhole(text, BigInt(INT32_MAX), BigInt(INT32_MIN)));
    case 'long':
      return within(row, readWhole(text, INT64_MAX, -INT64_MAX - 1n));
    case 'double':
      return within(row, text === '' ? Number.NaN : Number(text));
    case 'boolean':
      return readBoolean(text);
    case 'string':
    case 'password':
      return isMember(row, text) && (row.pattern === undefined || row.pattern.test(text)) ? text : undefined;
    case 'list': {
      const members = splitList(text);
      return members.every((member) => isMember(row, member)) ? [...new Set(members)] : undefined;
    }
  }
}

function readBoolean(text: string): boolean | undefined {
  const lower = text.toLowerCase();
  if (lower === 'true') return true;
  return lower === 'false' ? false : undefined;
}

function readWhole(text: string, max: bigint, min: bigint): number {
  if (!WHOLE.test(text)) return Number.NaN;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  if (value > max || value < min) return Number.NaN;
  // 2^63-1 means "no limit"; 2^53-1 means the same to anything that counts bytes, records or milliseconds.
  const saturated = value > BigInt(Number.MAX_SAFE_INTEGER) ? BigInt(Number.MAX_SAFE_INTEGER) : value;
  return Number(saturated < BigInt(Number.MIN_SAFE_INTEGER) ? BigInt(Number.MIN_SAFE_INTEGER) : saturated);
}

function within(row: ConfigRow, value: number): number | undefined {
  if (!Number.isFinite(value)) return undefined;
  if (row.min !== undefined && value < row.min) return undefined;
  return row.max !== undefined && value > row.max ? undefined : value;
}

function isMember(row: ConfigRow, text: string): boolean {
  return row.oneOf === undefined || row.oneOf.includes(text);
}
