// What callers give by hand: names that are not known and shapes that would silently mean something else are refused.
// Owner: pure. Not hot.

import { nearestName } from '../engine/base/config-nearest.ts';
import { RinglogError } from './ringlog-error.ts';

/** Every option's name: the types hold it against the interface. */
export type Known<Options> = Readonly<Record<keyof Options, true>>;

interface TopicShape {
  readonly partitions?: number;
  readonly configs?: unknown;
}

const TOPIC_SPEC: Known<TopicShape> = { partitions: true, configs: true };
const TOPICS = 'topics is { name: partitions } or { name: { partitions, configs } }';

export function checkArgument(fine: boolean, message: string): void {
  if (!fine) throw new RinglogError('INVALID_ARGUMENT', message);
}

/** An object, of none but known names. */
export function checkOptions<Options>(what: string, options: Options, known: Known<Options>): void {
  checkArgument(isObject(options), `${what} takes an object of options`);
  for (const name of Object.keys(options as object)) {
    if (Object.hasOwn(known, name)) continue;
    const near = nearestName(name, Object.keys(known));
    const hint = near === null ? `it has ${Object.keys(known).join(', ')}` : `did you mean ${near}?`;
    throw new RinglogError('INVALID_ARGUMENT', `${what} has no option ${name}: ${hint}`);
  }
}

export function checkNumber(name: string, value: unknown, min: number, max = Infinity): void {
  const fine = typeof value === 'number' && value >= min && value <= max;
  checkArgument(fine, `${name}=${String(value)}: accepted is ${max === Infinity ? `${min} and more` : `${min} to ${max}`}`);
}

export function checkCodec(name: string, given: unknown): void {
  const { encode, decode } = (given ?? {}) as { encode?: unknown; decode?: unknown };
  const fine = given === undefined || (typeof encode === 'function' && typeof decode === 'function');
  checkArgument(fine, `${name} is a codec, an object with encode() and decode(): codec.string, or codec.json() …`);
}

export function checkTopics(topics: unknown): void {
  checkArgument(isObject(topics), TOPICS);
  for (const [name, spec] of Object.entries(topics as object)) checkTopicSpec(name, typeof spec === 'number' ? { partitions: spec } : spec);
}

export function checkTopicSpec(name: string, spec: TopicShape): void {
  checkArgument(isObject(spec), `topic ${name}: ${TOPICS}`);
  checkOptions(`topic ${name}`, spec, TOPIC_SPEC);
  const { partitions = 1, configs = {} } = spec;
  checkArgument(Number.isInteger(partitions) && partitions >= 1, `topic ${name}: partitions=${partitions} is no number of partitions`);
  checkArgument(isObject(configs), `topic ${name}: configs is { name: value }`);
}

/** Where in a partition. */
export function checkPlace(name: string, place: unknown): void {
  const timestamp = isObject(place) ? (place as { timestamp?: unknown }).timestamp : undefined;
  const fine = place === 'earliest' || place === 'latest' || (typeof timestamp === 'number' && timestamp >= 0);
  checkArgument(fine, `${name} is 'earliest', 'latest' or { timestamp } in milliseconds`);
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
