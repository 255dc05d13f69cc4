// Sweep files, dials, and what a sweep's page and tables say of runs whose outcome is known.
import { expect, test } from 'vitest';
import { reportAssets } from '../../src/cli/report-file.ts';
import type { Trial } from '../../src/contracts/trial.ts';
import { cellOf, crossProduct } from '../../src/sweep/dials.ts';
import { experimentPage } from '../../src/sweep/experiment-page.ts';
import { textTable } from '../../src/sweep/figure-table.ts';
import { combinationsOf, readSweep } from '../../src/sweep/read-sweep.ts';
import { analyseSweep, mainEffectTable, markOf, sweepTable } from '../../src/sweep/sweep-analysis.ts';
import { hostile } from '../support/made-run.ts';
import { madeSweep, madeTrial } from '../support/made-trials.ts';
import { samplePlan } from '../support/sample-run.ts';

const { workload, driver } = samplePlan();
const base = { workload, driver, broker: { kind: 'ringlog' as const, settings: {} } };

test('a dial turns what its name says, by its short name or in full', () => {
  const made = cellOf(base, {
    ...{ acks: '1', 'linger.ms': '0', compression: 'lz4', partitions: '9', recordSize: '64', rate: '77', storage: 'managed' },
    ...{ fsync: 'never', listeners: 'single', 'consumer.fetch.min.bytes': '5', 'topic.segment.bytes': '6', 'broker.x': 'y' },
  });
  if (!made.ok) throw new Error(made.fault);
  const { cell } = made;
  expect(cell.driver.producerConfig).toMatchObject({ acks: '1', 'linger.ms': '0', 'compression.type': 'lz4' });
  expect(cell.driver.consumerConfig).toMatchObject({ 'fetch.min.bytes': '5' });
  expect(cell.driver.topicConfig).toMatchObject({ 'ringlog.storage': 'managed', 'segment.bytes': '6' });
  expect(cell.workload).toMatchObject({ partitionsPerTopic: 9, messageSize: 64, producerRate: 77 });
  expect(cell.broker).toEqual({ kind: 'ringlog', settings: { 'ringlog.fsync': 'never', 'ringlog.listeners': 'single', x: 'y' } });
  expect(driver.producerConfig).toEqual({});
});

test('a dial that cannot be turned is a clear word', () => {
  const fault = (levels: Record<string, string>, broker: Parameters<typeof cellOf>[0]['broker'] = base.broker): string => {
    const made = cellOf({ ...base, broker }, levels);
    return made.ok ? '' : made.fault;
  };
  expect(fault({ ack: '1' })).toContain("did you mean 'acks'?");
  expect(fault({ fsync: 'never' }, { kind: 'at', bootstrap: 'a:1' })).toContain('a:1 was not started here');
  expect(fault({ partitions: 'many' })).toContain('must be a whole number');
  expect(fault({ 'workload.nonsense': '1' })).toContain('no number of a workload');
  const listed = { ...base, workload: { ...workload, partitionsPerTopicList: [1, 2] } };
  const made = cellOf(listed, { partitions: '4' });
  expect(made.ok ? '' : made.fault).toContain('partitionsPerTopic=4 turns nothing: the workload has partitionsPerTopicList');
});

const yaml = `
name: s
dials:
  acks: [1, all]
  linger.ms: [0, 5, 20]
  rate: [100, 200]
`;

function sweepOf(text: string) {
  const read = readSweep('s.yaml', 's', text, false);
  if (!read.ok) throw new Error(read.errors.join('\n'));
  return read.sweep;
}

test('combinations: all of them, less what is excluded, or a sample that the seed fixes', () => {
  expect(combinationsOf(sweepOf(yaml))).toHaveLength(12);
  expect(crossProduct({ a: ['1', '2'], b: ['3'] })).toEqual([
    { a: '1', b: '3' },
    { a: '2', b: '3' },
  ]);
  const less = combinationsOf(sweepOf(`${yaml}exclude: [{ acks: 1, rate: 200 }]`));
  expect(less).toHaveLength(9);
  const drawn = (seed: number) => combinationsOf(sweepOf(`${yaml}sample: 5\nseed: ${seed}`));
  expect(drawn(3)).toHaveLength(5);
  expect(drawn(3)).toEqual(drawn(3));
  expect(drawn(3)).not.toEqual(drawn(4));
});

test.each([
  ['name: x\n', 'dials are missing'],
  ['dails: {}\n', "did you mean 'dials'?"],
  ['dials: { acks: 1 }\n', 's.yaml:1: dials must map names to lists of levels'],
  ['dials: { acks: [1, 1] }\n', 'names a level of acks twice'],
  ['dials: { akcs: [1] }\n', "unknown dial 'akcs'; did you mean 'acks'?"],
  ['dials: { acks: [1] }\nsettings: { acks: all }\n', 'acks is a dial and a setting'],
  ['dials: { acks: [1] }\nexclude: [{ acks: all }]\n', 'acks=all is no level of a dial'],
  ['dials: { acks: [1] }\nexclude: [{ acks: 1 }]\n', 'leaves no combination'],
  ['dials: { acks: [1] }\nobjective: fast\n', 'must be as p99=5'],
  ['dials: { acks: [1] }\nrepeats: 0\n', 'repeats must be a whole number from 1 on'],
])('a sweep file that is wrong: %j', (text, message) => {
  const read = readSweep('s.yaml', 's', text, false);
  expect(read.ok ? '' : read.errors.join('\n')).toContain(message);
});

test('nothing beats the front; what is beaten names its better; what is INVALID is not counted', () => {
  const { record, trials } = madeSweep();
  const invalid: Trial[] = Array.from({ length: 5 }, (_, repeat) =>
    madeTrial('acks=1 linger.ms=20', repeat, { standing: 'INVALID', reasons: ['generator-late'] }),
  );
  const analysis = analyseSweep(record, [...trials.filter(({ cell }) => cell !== 'acks=1 linger.ms=20'), ...invalid]);
  expect(markOf(analysis, 'acks=1 linger.ms=0')).toBe('front');
  expect(markOf(analysis, 'acks=all linger.ms=20')).toBe('beaten by acks=1 linger.ms=0');
  expect(markOf(analysis, 'acks=1 linger.ms=20')).toBe('not counted');
  const table = sweepTable(analysis);
  expect(table.rows[0]![0]).toBe('acks=1 linger.ms=0');
  expect(textTable(table)).toContain('5 INVALID');
});

test('what each dial bought is what was put in', () => {
  const { record, trials } = madeSweep();
  const table = mainEffectTable(analyseSweep(record, trials))!;
  const row = (level: string): string => table.rows.find(([name]) => name === level)![1]!;
  // acks=all was made three times as slow: the square root of three above the mean.
  expect(row('acks=all')).toMatch(/^1\.7\d?x \[1\.[67]\d?\.\.1\.[78]\d?\]$/);
  expect(row('acks=1')).toMatch(/^0\.5[78]\dx/);
});

test('a page of a sweep draws it, fetches nothing, styles no element, and no string in it is markup', () => {
  const { record, trials } = madeSweep();
  const page = experimentPage({ record: { ...record, title: hostile }, trials, latencies: [] }, reportAssets());
  expect(page).toContain('id="pareto"');
  expect(page.match(/<circle /g)).toHaveLength(4);
  expect(page.match(/class="heat"/g)).toHaveLength(8);
  expect(page).not.toMatch(/<[a-z][^>]* style=/);
  expect(page).not.toContain('<script>globalThis.hurt');
  expect(page).not.toContain('<img');
});
