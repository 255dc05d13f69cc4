// An independent reader of OMB's result file, written from the format's description: order of fields, which are arrays, which
// maps, which of Java's longs and doubles. Strict where chart scripts are not. Owner: the test's thread.

export interface OmbResult {
  readonly texts: ReadonlyMap<string, string>;
  readonly numbers: ReadonlyMap<string, number>;
  /** One value a window. */
  readonly series: ReadonlyMap<string, readonly number[]>;
  /** Percentile to value, rising. */
  readonly quantiles: ReadonlyMap<string, readonly (readonly [percentile: number, value: number])[]>;
}

type Kind = 'text' | 'long' | 'doubles' | 'longs' | 'double' | 'double map' | 'long map';
const percentiles = ['50pct', '75pct', '95pct', '99pct', '999pct', '9999pct', 'Max'];
const group = (prefix: string, average: Kind, rest: Kind): [string, Kind][] => [
  [`${prefix}Avg`, average],
  ...percentiles.map((suffix): [string, Kind] => [prefix + suffix, rest]),
];

const fields: readonly (readonly [name: string, kind: Kind])[] = [
  ['workload', 'text'],
  ['driver', 'text'],
  ...['messageSize', 'topics', 'partitions', 'producersPerTopic', 'consumersPerTopic'].map((name): [string, Kind] => [name, 'long']),
  ...['publishRate', 'publishErrorRate', 'consumeRate'].map((name): [string, Kind] => [name, 'doubles']),
  ['backlog', 'longs'],
  ...group('publishLatency', 'doubles', 'doubles'),
  ...group('publishDelayLatency', 'doubles', 'longs'),
  ...group('aggregatedPublishLatency', 'double', 'double'),
  ...group('aggregatedPublishDelayLatency', 'double', 'long'),
  ['aggregatedPublishLatencyQuantiles', 'double map'],
  ['aggregatedPublishDelayLatencyQuantiles', 'long map'],
  ...group('endToEndLatency', 'doubles', 'doubles'),
  ['aggregatedEndToEndLatencyQuantiles', 'double map'],
  ...group('aggregatedEndToEndLatency', 'double', 'double'),
];

const DOUBLE = String.raw`-?\d+\.\d+(?:E-?\d+)?`;
const LONG = String.raw`-?\d+`;
const list = (item: string): string => String.raw`\[ (?:${item}(?:, ${item})* )?\]`;
const map = (item: string): string => String.raw`\{ ?(?:\n {4}"${DOUBLE}" : ${item}(?:,\n {4}"${DOUBLE}" : ${item})*\n {2})?\}`;
const spelt: Readonly<Record<Kind, string>> = {
  text: '"(?:[^"\\\\]|\\\\.)*"',
  ...{ long: LONG, double: DOUBLE, longs: list(LONG), doubles: list(DOUBLE), 'long map': map(LONG), 'double map': map(DOUBLE) },
};

/** @throws where it is not as OMB would have written it */
export function parseOmbResult(text: string): OmbResult {
  let at = take(text, 0, String.raw`\{\n`, 'the beginning').length;
  const result = { texts: new Map(), numbers: new Map(), series: new Map(), quantiles: new Map() } satisfies OmbResult;
  for (const [i, [name, kind]] of fields.entries()) {
    at += take(text, at, `  "${name}" : `, name).length;
    const value = take(text, at, spelt[kind], `${kind} ${name}`);
    at += value.length;
    at += take(text, at, i === fields.length - 1 ? String.raw`\n\}$` : String.raw`,\n`, `what follows ${name}`).length;
    const parsed: unknown = JSON.parse(value.replaceAll('E', 'e'));
    if (kind === 'text') result.texts.set(name, JSON.parse(value) as string);
    else if (kind.endsWith('map')) result.quantiles.set(name, rising(name, parsed as Record<string, number>));
    else if (kind.endsWith('s')) result.series.set(name, parsed as number[]);
    else result.numbers.set(name, parsed as number);
  }
  const lengths = new Set([...result.series.values()].map(({ length }: readonly number[]) => length));
  if (lengths.size !== 1) throw new Error(`windows differ: ${[...lengths].join(', ')}`);
  return result;
}

function take(text: string, at: number, pattern: string, what: string): string {
  const sticky = new RegExp(pattern, 'y');
  sticky.lastIndex = at;
  const found = sticky.exec(text);
  if (found === null) throw new Error(`${what} is not at ${at}: ${text.slice(at, at + 60)}`);
  return found[0];
}

function rising(name: string, quantiles: Record<string, number>): (readonly [number, number])[] {
  const found = Object.entries(quantiles).map(([key, value]) => [Number(key.replace('E', 'e')), value] as const);
  for (let i = 1; i < found.length; i++)
    if (found[i]![0] <= found[i - 1]![0] || found[i]![1] < found[i - 1]![1]) throw new Error(`${name} falls at ${found[i]![0]}`);
  return found;
}
