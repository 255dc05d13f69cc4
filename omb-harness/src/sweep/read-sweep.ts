// Reads a sweep file: a workload, a driver, dials and their levels. Owner: pure. Not hot.

import { type Field, type FieldTable, readFields, text, wholeNumber } from '../formats/read-fields.ts';
import { type LatencyObjective, readObjective } from '../stats/latency-objective.ts';
import { SeededRandom } from '../stats/seeded-random.ts';
import { crossProduct, unknownDial } from './dials.ts';

export interface SweepFile {
  readonly name: string;
  /** A file, or the name of one that ships. */
  readonly workload: string;
  readonly driver: string;
  /** 0: the workload's own. */
  readonly durationSeconds: number;
  readonly warmupSeconds: number;
  readonly repeats: number;
  /** So many of all combinations, drawn by the seed; 0: all. */
  readonly sample: number;
  readonly seed: number;
  readonly objective: LatencyObjective | null;
  /** The same in every cell. */
  readonly settings: Readonly<Record<string, string>>;
  readonly dials: Readonly<Record<string, readonly string[]>>;
  /** Combinations that are left out: all levels named are met. */
  readonly exclude: readonly Readonly<Record<string, string>>[];
}

export type ReadSweep =
  | { readonly ok: true; readonly sweep: SweepFile; readonly notices: readonly string[] }
  | { readonly ok: false; readonly errors: readonly string[] };

const table: FieldTable<SweepFile> = {
  name: text(''),
  workload: text('quick'),
  driver: text('ringlog'),
  durationSeconds: wholeNumber(0),
  warmupSeconds: wholeNumber(0),
  repeats: wholeNumber(1, 1),
  sample: wholeNumber(0),
  seed: wholeNumber(1),
  objective: { fallback: null as LatencyObjective | null, read: objective },
  settings: { fallback: {}, read: (value) => levelMap(value, 'one level') },
  dials: { fallback: {}, read: dials },
  exclude: { fallback: [], read: exclusions },
};

export function readSweep(file: string, stem: string, yaml: string, lenient: boolean): ReadSweep {
  const read = readFields<SweepFile>(file, yaml, table, lenient);
  if (!read.ok) return read;
  const sweep = { ...read.fields, name: read.fields.name === '' ? stem : read.fields.name };
  const names = [...Object.keys(sweep.dials), ...Object.keys(sweep.settings)];
  const errors = names.flatMap((name) => unknownDial(name) ?? []);
  if (Object.keys(sweep.dials).length === 0) errors.push('dials are missing: a map of names to lists of levels');
  for (const name of Object.keys(sweep.settings)) if (name in sweep.dials) errors.push(`${name} is a dial and a setting: it can be one`);
  for (const rule of sweep.exclude)
    for (const [name, level] of Object.entries(rule))
      if (!(sweep.dials[name]?.includes(level) ?? false)) errors.push(`exclude: ${name}=${level} is no level of a dial`);
  if (errors.length === 0 && combinationsOf(sweep).length === 0) errors.push('exclude leaves no combination');
  if (errors.length > 0) return { ok: false, errors: errors.map((error) => `${file}: ${error}`) };
  return { ok: true, sweep, notices: read.notices };
}

/** All that are run, in the order of the dials. */
export function combinationsOf({ dials, exclude, sample, seed }: SweepFile): Record<string, string>[] {
  const left = (levels: Readonly<Record<string, string>>): boolean =>
    !exclude.some((rule) => Object.entries(rule).every(([name, level]) => levels[name] === level));
  const all = crossProduct(dials).filter(left);
  if (sample === 0 || sample >= all.length) return all;
  const random = new SeededRandom(seed);
  const drawn = new Set<number>();
  while (drawn.size < sample) drawn.add(random.below(all.length));
  return all.filter((_, at) => drawn.has(at));
}

type Read<T> = ReturnType<Field<T>['read']>;

function objective(value: unknown): Read<LatencyObjective | null> {
  const read = typeof value === 'string' ? readObjective(value) : null;
  return read === null ? { fault: `must be as p99=5 or end-to-end-p99=20 (ms), not ${JSON.stringify(value)}` } : { value: read };
}

const isLevel = (value: unknown): value is string | number | boolean => ['string', 'number', 'boolean'].includes(typeof value);

function levelMap(value: unknown, what: string): Read<Record<string, string>> {
  const entries = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : null;
  if (entries === null || !entries.every(([, level]) => isLevel(level)))
    return { fault: `must map names to ${what} each, not ${JSON.stringify(value)}` };
  return { value: Object.fromEntries(entries.map(([name, level]) => [name, String(level)])) };
}

function dials(value: unknown): Read<Record<string, readonly string[]>> {
  const fault = { fault: `must map names to lists of levels, as 'acks: [1, all]', not ${JSON.stringify(value)}` };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fault;
  const made: Record<string, readonly string[]> = {};
  for (const [name, levels] of Object.entries(value) as [string, unknown][]) {
    if (!Array.isArray(levels) || levels.length === 0 || !levels.every(isLevel)) return fault;
    made[name] = levels.map(String);
    if (new Set(made[name]).size < levels.length) return { fault: `names a level of ${name} twice` };
  }
  return { value: made };
}

function exclusions(value: unknown): Read<readonly Record<string, string>[]> {
  const rules = Array.isArray(value) ? value.map((rule) => levelMap(rule, 'one level')) : null;
  if (rules === null || rules.some((rule) => 'fault' in rule)) return { fault: 'must be a list of maps of dials to one level each' };
  return { value: rules.flatMap((rule) => ('value' in rule ? [rule.value] : [])) };
}
