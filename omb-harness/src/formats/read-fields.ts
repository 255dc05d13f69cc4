// A YAML file of flat fields, checked against a table: types, bounds, misspelt keys, each fault with its line. Owner: pure.
// Not hot.

import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { nearestName } from './nearest-name.ts';

export interface Field<T> {
  readonly fallback: T;
  /** The value, or a word of why it is none. `lenient`: as OMB reads it. */
  readonly read: (value: unknown, lenient: boolean) => { readonly value: T } | { readonly fault: string };
}

export type FieldTable<T> = { readonly [K in keyof T]: Field<T[K]> };

export type ReadFields<T> =
  | { readonly ok: true; readonly fields: T; readonly given: ReadonlySet<string>; readonly notices: readonly string[] }
  | { readonly ok: false; readonly errors: readonly string[] };

export function readFields<T extends object>(file: string, text: string, table: FieldTable<T>, lenient: boolean): ReadFields<T> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  if (document.errors.length > 0) return { ok: false, errors: document.errors.map(({ message }) => `${file}: ${message.split('\n')[0]}`) };
  if (!isMap(document.contents)) return { ok: false, errors: [`${file}: not a YAML map of fields`] };
  const errors: string[] = [];
  const notices: string[] = [];
  const given = new Set<string>();
  const fields = Object.fromEntries(Object.entries<Field<unknown>>(table).map(([key, { fallback }]) => [key, fallback]));
  for (const { key, value: node } of document.contents.items) {
    const name = isScalar(key) ? String(key.value) : String(key);
    const at = isScalar(key) && key.range != null ? `${file}:${lines.linePos(key.range[0]).line}` : file;
    const field = Object.hasOwn(table, name) ? (table as Readonly<Record<string, Field<unknown>>>)[name]! : null;
    if (field === null) {
      const text = `${at}: ${unknownKey(name, Object.keys(table))}`;
      if (lenient) notices.push(`${text}; ignored`);
      else errors.push(text);
      continue;
    }
    given.add(name);
    const value: unknown = node === null ? null : (node as { toJS(document: unknown): unknown }).toJS(document);
    if (value === null) continue;
    const result = field.read(value, lenient);
    if ('fault' in result) errors.push(`${at}: ${name} ${result.fault}`);
    else fields[name] = result.value;
  }
  return errors.length > 0 ? { ok: false, errors } : { ok: true, fields: fields as T, given, notices };
}

function unknownKey(name: string, known: readonly string[]): string {
  const near = nearestName(name, known);
  return `unknown field '${name}'${near === null ? '' : `; did you mean '${near}'?`}`;
}

const shown = (value: unknown): string => JSON.stringify(value);

export function wholeNumber(fallback: number, min = 0): Field<number> {
  return {
    fallback,
    read: (value) =>
      typeof value === 'number' && Number.isSafeInteger(value) && value >= min
        ? { value }
        : { fault: `must be a whole number from ${min} on, not ${shown(value)}` },
  };
}

export function fromZero(fallback: number): Field<number> {
  return {
    fallback,
    read: (value) =>
      typeof value === 'number' && value >= 0 && value < Infinity
        ? { value }
        : { fault: `must be a number from 0 on, not ${shown(value)}` },
  };
}

export function ratio(fallback: number): Field<number> {
  return {
    fallback,
    read: (value) =>
      typeof value === 'number' && value >= 0 && value <= 1 ? { value } : { fault: `must be from 0 to 1, not ${shown(value)}` },
  };
}

export function flag(fallback: boolean): Field<boolean> {
  return { fallback, read: (value) => (typeof value === 'boolean' ? { value } : { fault: `must be true or false, not ${shown(value)}` }) };
}

export function text<T extends string | null>(fallback: T): Field<T | string> {
  return {
    fallback,
    read: (value) =>
      typeof value === 'string' || typeof value === 'number' ? { value: String(value) } : { fault: `must be text, not ${shown(value)}` },
  };
}

export function oneOf<T extends string>(values: readonly T[], fallback: T): Field<T> {
  return {
    fallback,
    read: (value, lenient) => {
      if (values.includes(value as T)) return { value: value as T };
      if (lenient) return { value: fallback };
      const near = nearestName(String(value), values);
      return { fault: `must be one of ${values.join(', ')}, not ${shown(value)}${near === null ? '' : `; did you mean ${near}?`}` };
    },
  };
}

export function listOf<T>(what: string, item: (value: unknown) => T | null): Field<readonly T[] | null> {
  return {
    fallback: null,
    read: (value) => {
      const items = Array.isArray(value) ? value.map(item) : [null];
      return items.includes(null) ? { fault: `must be a list of ${what}, not ${shown(value)}` } : { value: items as T[] };
    },
  };
}
