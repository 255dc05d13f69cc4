// The properties format of Java, as server.properties is written in. Owner: any thread; no state. Not hot.
//
// A natural line may continue on the next one after an odd number of backslashes; '#' and '!' start a comment only at
// the beginning of a logical line; key and value are parted by '=', ':' or white space, the first that is not escaped.

import type { ConfigEntries, ConfigEntry } from './config-entry.ts';

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' };

interface LogicalLine {
  readonly text: string;
  /** Of its first natural line, from 1. */
  readonly number: number;
}

export function parseProperties(text: string, fileName: string): ConfigEntries {
  const entries: ConfigEntry[] = [];
  const errors: string[] = [];
  for (const line of logicalLines(text)) {
    const from = `${fileName} line ${line.number}`;
    const split = splitAt(line.text);
    const name = unescape(line.text.slice(0, split.keyEnd));
    const value = unescape(line.text.slice(split.valueStart));
    if (name === null || value === null) errors.push(`${from}: \\u is followed by four hexadecimal digits`);
    else entries.push({ name, value, from });
  }
  return errors.length === 0 ? { ok: true, entries } : { ok: false, errors };
}

function* logicalLines(text: string): Generator<LogicalLine> {
  const natural = text.split(/\r\n|\r|\n/);
  for (let i = 0; i < natural.length; i++) {
    const number = i + 1;
    let line = natural[i]!.replace(/^[ \t\f]+/, '');
    if (line === '' || line.startsWith('#') || line.startsWith('!')) continue;
    while (continues(line)) {
      line = line.slice(0, -1);
      if (i + 1 === natural.length) break;
      i++;
      line += natural[i]!.replace(/^[ \t\f]+/, '');
    }
    if (line !== '') yield { text: line, number };
  }
}

function continues(line: string): boolean {
  const backslashes = /\\*$/.exec(line)![0].length;
  return backslashes % 2 === 1;
}

function splitAt(line: string): { keyEnd: number; valueStart: number } {
  let keyEnd = 0;
  while (keyEnd < line.length && !' \t\f=:'.includes(line[keyEnd]!)) keyEnd += line[keyEnd] === '\\' ? 2 : 1;
  keyEnd = Math.min(keyEnd, line.length);
  const separator = /^[ \t\f]*[=:]?[ \t\f]*/.exec(line.slice(keyEnd))![0];
  return { keyEnd, valueStart: keyEnd + separator.length };
}

/** Null on a bad \u escape. */
function unescape(text: string): string | null {
  let bad = false;
  const plain = text.replace(/\\(u[0-9a-fA-F]{4}|.|$)/gs, (_, escaped: string) => {
    if (escaped.length === 5) return String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    if (escaped === 'u') bad = true;
    return ESCAPES[escaped] ?? escaped;
  });
  return bad ? null : plain;
}
