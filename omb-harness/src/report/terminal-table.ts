// A run's result as a person reads it in a terminal: verdict first, then what was asked, rates, latencies, checks.
// Owner: pure. Not hot.

import type { LatencyKind } from '../contracts/interval-record.ts';
import type { BacklogRun, PhaseTotals, RunResult } from '../contracts/run-result.ts';
import { latencyFigures } from '../formats/result-file.ts';
import { consumedBytes, consumedPerSecond, consumedRecords } from './consumed-rate.ts';

const columns = ['p50', 'p95', 'p99', 'p99.9', 'p99.99'] as const;

const rows: readonly (readonly [kind: LatencyKind, what: string])[] = [
  ['publishResponse', 'publish, from intended time'],
  ['publishUncorrected', '  uncorrected, from sending'],
  ['publishService', '  service, on the wire'],
  ['publishDelay', '  wait before sending'],
  ['generatorLag', "  the generator's own lag"],
  ['endToEnd', 'end to end, from intended time'],
  ['endToEndUncorrected', '  uncorrected, from sending'],
];

export function terminalTable(result: RunResult): string {
  const { verdict, workload, driver, system, measuredPhase } = result;
  const lines = [`${workload.name} on ${driver.name}: ${verdict.standing}${result.partial ? ' (partial)' : ''}`];
  for (const { text } of verdict.reasons) lines.push(`  because ${text}`);
  for (const { text } of verdict.warnings) lines.push(`  note: ${text}`);
  if (system !== null) lines.push(`  system      ${system.product} at ${system.bootstrap}`, `  durability  ${system.durability}`);
  lines.push(`  load        ${result.client}`);
  if (result.rateFinding !== null) lines.push(`  rate        ${rateLine(result)}`);
  const total = measuredPhase === null ? null : result.phases[measuredPhase]!;
  return [...lines, ...(total === null ? [] : figures(result, total))].join('\n');
}

function rateLine({ rateFinding }: RunResult): string {
  const { ratePerSecond, interval, objective, steps } = rateFinding!;
  const upTo = interval[1] === null ? 'no rate failed' : `${interval[1]}/s failed`;
  const found = ratePerSecond === null ? 'none found' : `between ${ratePerSecond}/s, confirmed, and the next: ${upTo};`;
  return `${found} objective: ${objective}; ${steps.length} trials`;
}

function figures(result: RunResult, total: PhaseTotals): string[] {
  const { counters, seconds } = total;
  const rate = (count: number): string => `${Math.round(count / Math.max(seconds, 1e-9)).toLocaleString('en')}/s`;
  const megabytes = ((counters.acked * result.workload.messageSize) / Math.max(seconds, 1e-9) / 1e6).toFixed(1);
  const lines = [
    `  rates       asked ${result.targetRatePerSecond.toLocaleString('en')}/s, acknowledged ${rate(counters.acked)} (${megabytes} MB/s), consumed ${Math.round(consumedPerSecond(result, seconds) ?? consumedRecords(counters) / Math.max(seconds, 1e-9)).toLocaleString('en')}/s, over ${seconds.toFixed(0)} s`,
  ];
  if (counters.foreign > 0) {
    const read = (consumedBytes(counters) / Math.max(seconds, 1e-9) / 1e6).toFixed(1);
    lines.push(`  read        ${counters.foreign.toLocaleString('en')} records that were there before; ${read} MB/s in all`);
  }
  if (counters.batches > 0) lines.push(`  batches     ${(counters.acked / counters.batches).toFixed(1)} records each`);
  if (total.brokerCpuSeconds !== null) {
    const perGigabyte = (counters.sentBytes + consumedBytes(counters)) / 1e9;
    const perRecord = ((1e6 * total.brokerCpuSeconds) / Math.max(1, counters.acked || consumedRecords(counters))).toFixed(1);
    lines.push(
      `  broker CPU  ${((100 * total.brokerCpuSeconds) / seconds).toFixed(0)} % of a core, ${perRecord} µs a record, ${(total.brokerCpuSeconds / Math.max(perGigabyte, 1e-9)).toFixed(2)} s/GB in and out`,
    );
  }
  if (result.backlog !== null) lines.push(...backlogLines(result.backlog, result.phases));
  const head = columns.map((name) => name.padStart(9)).join('');
  lines.push('', `  ${'latency, ms'.padEnd(32)}${head}${'max'.padStart(10)}${'samples'.padStart(12)}`);
  for (const [kind, what] of rows) {
    const found = latencyFigures(total, kind);
    if (found === null) continue;
    const cells = columns.map((name) => millis((found as unknown as Record<string, number>)[`${name}Us`]!).padStart(9)).join('');
    lines.push(`  ${what.padEnd(32)}${cells}${millis(found.maxUs).padStart(10)}${String(found.samples).padStart(12)}`);
  }
  const { delivery } = result;
  const checks = [
    `lost ${delivery.lostRecords}`,
    `duplicated ${delivery.duplicatedRecords}`,
    ...(delivery.redeliveredRecords > 0 ? [`read again ${delivery.redeliveredRecords}`] : []),
    `reordered ${delivery.reorderedRecords}`,
    `corrupt ${delivery.corruptRecords}`,
    `failed ${counters.errors}`,
    `not sent ${counters.overflowed}`,
    `unanswered ${total.unfinishedRecords}`,
  ];
  return [...lines, '', `  records     ${checks.join(', ')}`];
}

function backlogLines(backlog: BacklogRun, phases: readonly PhaseTotals[]): string[] {
  const { builtRecords, leftRecords, drained, fillSeconds, drainSeconds } = backlog;
  const p99 = (label: string): string => {
    const phase = phases.find((one) => one.phase.label === label);
    const found = phase === undefined ? null : latencyFigures(phase, 'publishResponse');
    return found === null ? 'nothing published' : `publish p99 ${millis((found as unknown as Record<string, number>)['p99Us']!)} ms`;
  };
  const count = (value: number): string => value.toLocaleString('en');
  const end = drained
    ? `drained in ${drainSeconds.toFixed(1)} s`
    : `NOT drained: ${count(leftRecords)} left after ${drainSeconds.toFixed(1)} s`;
  return [
    `  backlog     ${count(builtRecords)} records owed after ${fillSeconds.toFixed(1)} s (${p99('backlog-fill')}), ${end} (${p99('backlog-drain')})`,
  ];
}

function millis(us: number): string {
  const ms = us / 1000;
  return ms < 10 ? ms.toFixed(3) : ms < 1000 ? ms.toFixed(1) : ms.toFixed(0);
}
