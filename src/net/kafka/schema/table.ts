// The notation of the schema tables, and its parser.
// Owner: pure; read by scripts/generate-codecs.mjs and by tests, never by the broker. Not hot.
//
// A message is a text of one field per line, in wire order; two more spaces of indent make the line a member of the struct
// named above it:
//
//   transactionalId    string?      3+     = null
//   topicData          []TopicProduceData
//     name             string       0-12   ignorable
//     currentLeader    LeaderIdAndEpoch  10+  tag 0
//   struct Shared
//     name             string
//
//   type       a primitive, a struct's name, or [] and one of those
//   ?          nullable in every version that has the field; `?12+` only in those
//   range      versions that have the field: N, N-M, N+; left out when all have it
//   tag N      a tagged field: only in flexible versions, and only when not at its default
//   = value    the default, as JSON, when it is not the type's own (0, false, "", empty, zero uuid, records null)
//   ignorable  a version without the field drops the value; otherwise encoding a non-default value is refused
//   plain      keeps the plain encoding in flexible versions (the client id of the request header)
//
// `struct Name` opens a struct that several fields refer to; it stands at the end, without indent.

export interface ApiTable {
  readonly key: number;
  readonly name: string;
  readonly versions: string;
  /** 'none' or 'N+': versions with compact lengths and tag sections. */
  readonly flexible: string;
  /** The highest version is still changing in Kafka: understood, never advertised. */
  readonly latestUnstable?: boolean;
  readonly request: string;
  readonly response: string;
}

/** A message that stands alone: a header, a blob inside another message, a record of an internal topic. */
export interface MessageTable {
  readonly name: string;
  /** Of a record's key: the int16 that stands before the key and says which record this is. */
  readonly recordType?: number;
  readonly versions: string;
  readonly flexible: string;
  readonly fields: string;
}

export interface Range {
  readonly from: number;
  /** Inclusive; below `from` when the range is empty. */
  readonly to: number;
}

export interface Message {
  readonly name: string;
  readonly valid: Range;
  /** Infinity when no version is flexible. */
  readonly flexibleSince: number;
  readonly fields: readonly Field[];
}

export interface Field {
  readonly name: string;
  /** A primitive or a struct's name; of one element when `array`. */
  readonly type: string;
  readonly array: boolean;
  readonly versions: Range;
  readonly nullable: Range;
  /** -1 when the field has its place in the order. */
  readonly tag: number;
  /** Undefined: the type's own default. 64-bit values beyond a number are saturated. */
  readonly fallback: boolean | number | string | null | undefined;
  readonly ignorable: boolean;
  readonly plain: boolean;
  /** The members when `type` is a struct. */
  readonly struct: readonly Field[] | null;
}

const PRIMITIVES: ReadonlySet<string> = new Set([
  'bool',
  'int8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'float64',
  'uuid',
  'string',
  'bytes',
  'records',
]);

const EMPTY: Range = { from: 0, to: -1 };

interface Line {
  indent: number;
  words: string[];
}

/** The structs that several fields refer to: their lines, and what has been parsed of them so far. */
interface Shared {
  readonly lines: Map<string, Line[]>;
  readonly fields: Map<string, readonly Field[]>;
}

function parseRange(text: string, within: Range): Range {
  if (text === 'none') return EMPTY;
  const match = /^(\d+)(?:(\+)|-(\d+))?$/.exec(text);
  if (match === null) throw new Error(`not a version range: ${text}`);
  const from = Number(match[1]);
  const to = match[2] === '+' ? within.to : Number(match[3] ?? match[1]);
  return { from: Math.max(from, within.from), to: Math.min(to, within.to) };
}

export function parseMessage(table: MessageTable): Message {
  const valid = parseRange(table.versions, { from: 0, to: Infinity });
  const flexible = parseRange(table.flexible, { from: 0, to: Infinity });
  const lines = splitLines(table.fields);
  const shared: Shared = { lines: new Map(), fields: new Map() };
  let end = lines.length;
  for (let at = lines.length - 1; at >= 0; at--) {
    if (lines[at]!.words[0] !== 'struct') continue;
    shared.lines.set(lines[at]!.words[1]!, lines.slice(at + 1, end));
    end = at;
  }
  return {
    name: table.name,
    valid,
    flexibleSince: flexible === EMPTY ? Infinity : flexible.from,
    fields: parseFields(lines.slice(0, end), valid, shared),
  };
}

export function requestOf(api: ApiTable): Message {
  return parseMessage({ ...api, name: `${api.name}Request`, fields: api.request });
}

export function responseOf(api: ApiTable): Message {
  return parseMessage({ ...api, name: `${api.name}Response`, fields: api.response });
}

function splitLines(text: string): Line[] {
  const lines: Line[] = [];
  for (const raw of text.split('\n')) {
    if (raw.trim() === '') continue;
    lines.push({ indent: raw.length - raw.trimStart().length, words: raw.trim().split(/\s+/) });
  }
  return lines;
}

function parseFields(lines: Line[], within: Range, shared: Shared): Field[] {
  const fields: Field[] = [];
  for (let at = 0; at < lines.length;) {
    let next = at + 1;
    while (next < lines.length && lines[next]!.indent > lines[at]!.indent) next++;
    fields.push(parseField(lines[at]!, lines.slice(at + 1, next), within, shared));
    at = next;
  }
  return fields;
}

function parseField(line: Line, members: Line[], within: Range, shared: Shared): Field {
  const [name, typeWord, ...rest] = line.words as [string, string, ...string[]];
  const [, brackets, type, , nullMark, nullRange] = /^(\[\])?(\w+)((\?)(.+)?)?$/.exec(typeWord) ?? [];
  if (type === undefined) throw new Error(`not a type: ${typeWord} of ${name}`);
  let versions = within;
  let tag = -1;
  let fallback: Field['fallback'];
  let ignorable = false;
  let plain = false;
  for (let at = 0; at < rest.length; at++) {
    const word = rest[at]!;
    if (word === 'ignorable') ignorable = true;
    else if (word === 'plain') plain = true;
    else if (word === 'tag') tag = Number(rest[++at]);
    else if (word === '=') fallback = saturate(JSON.parse(rest[++at]!) as Field['fallback']);
    else versions = parseRange(word, within);
  }
  let struct: readonly Field[] | null = null;
  if (members.length > 0) struct = parseFields(members, versions, shared);
  else if (!PRIMITIVES.has(type)) struct = sharedStruct(type, shared);
  const nullable = nullMark === undefined ? EMPTY : parseRange(nullRange ?? '0+', versions);
  const array = brackets !== undefined;
  return { name, type, array, versions, nullable, tag, fallback, ignorable, plain, struct };
}

/** The same array for every use: that is how a reader of the table knows one struct from two of one name. */
function sharedStruct(name: string, shared: Shared): readonly Field[] {
  const lines = shared.lines.get(name);
  if (lines === undefined) throw new Error(`no struct ${name}`);
  let fields = shared.fields.get(name);
  if (fields === undefined) {
    fields = parseFields(lines, { from: 0, to: Infinity }, shared);
    shared.fields.set(name, fields);
  }
  return fields;
}

function saturate(value: Field['fallback']): Field['fallback'] {
  if (typeof value !== 'number') return value;
  return Math.min(Math.max(value, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
}
