// What of a run is said in words and tables: verdict, figures, checks, settings. Readable without scripts. Owner: pure. Not hot.

import type { LatencyKind } from '../contracts/interval-record.ts';
import type { BacklogRun, PhaseTotals, RunResult } from '../contracts/run-result.ts';
import type { Reason } from '../contracts/verdict.ts';
import { headlinePercentiles, latencyFigures } from '../formats/result-file.ts';
import { consumedBytes, consumedPerSecond, consumedRecords } from './consumed-rate.ts';
import { html, type Html } from './html.ts';
import { ENOUGH_SAMPLES_BEYOND } from './percentile-charts.ts';

const kinds: readonly (readonly [kind: LatencyKind, what: string])[] = [
  ['publishResponse', 'publish, from intended time'],
  ['publishUncorrected', 'publish, uncorrected, from sending'],
  ['publishService', 'publish, service, on the wire'],
  ['publishDelay', 'wait before sending'],
  ['generatorLag', 'the generator’s own lag'],
  ['endToEnd', 'end to end, from intended time'],
  ['endToEndUncorrected', 'end to end, uncorrected, from sending'],
];

const whole = (value: number): string => Math.round(value).toLocaleString('en');
const ms = (us: number): string => (us / 1000).toFixed(us < 10_000 ? 3 : us < 1_000_000 ? 1 : 0);

export function verdictBox({ verdict, partial }: RunResult): Html {
  const list = (reasons: readonly Reason[]): Html[] => reasons.map(({ text }) => html`<li>${text}</li>`);
  const standing = ['VALID', 'SATURATED'].includes(verdict.standing) ? verdict.standing : 'INVALID';
  const meaning = {
    VALID: 'the rate was held, the generator was in time, nothing was lost',
    SATURATED: 'the rate was not held: throughput stands, latencies measure the queue',
    INVALID: 'nothing may be concluded from these figures',
  }[standing];
  return html`<div class="verdict ${standing}" role="status">
    <strong>${standing}</strong>${partial ? ' (partial: cut short)' : ''}: ${meaning}
    <ul>
      ${list(verdict.reasons)}
    </ul>
    ${
      verdict.warnings.length === 0
        ? ''
        : html`<p>To be known:</p>
            <ul>
              ${list(verdict.warnings)}
            </ul>`
    }
  </div>`;
}

export function figureTables(result: RunResult): Html {
  const total = result.measuredPhase === null ? undefined : result.phases[result.measuredPhase];
  if (total === undefined) return html`<p>The run ended before its measured time: there are no figures.</p>`;
  return html`${latencyTable(total)}${settings('Rates and cost', rates(result, total))}${settings('Backlog', backlogRows(result))}${settings('Records', checks(result, total))}`;
}

function latencyTable(total: PhaseTotals): Html {
  const rows = kinds.flatMap(([kind, what]) => {
    const found = latencyFigures(total, kind);
    if (found === null) return [];
    const cells = headlinePercentiles.map((percentile) => {
      const few = found.samples * (1 - percentile / 100) < ENOUGH_SAMPLES_BEYOND;
      return html`<td${few ? html` class="few"` : ''}>${ms((found as unknown as Record<string, number>)[`p${percentile}Us`]!)}${few ? '*' : ''}</td>`;
    });
    return [
      html`<tr>
        <th scope="row">${what}</th>
        ${cells}
        <td>${ms(found.maxUs)}</td>
        <td>${ms(found.meanUs)}</td>
        <td>${whole(found.samples)}</td>
      </tr>`,
    ];
  });
  const heads = headlinePercentiles.map((percentile) => html`<th scope="col">p${percentile}</th>`);
  return html`<div class="scroll" tabindex="0">
    <table>
      <caption>
        Latency, ms. * fewer than ${ENOUGH_SAMPLES_BEYOND} samples beyond: a matter of luck
      </caption>
      <thead>
        <tr>
          <th scope="col">what</th>
          ${heads}
          <th scope="col">max</th>
          <th scope="col">mean</th>
          <th scope="col">samples</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}

type Rows = readonly (readonly [name: string, value: string])[];

function rates(result: RunResult, { counters, seconds, brokerCpuSeconds }: PhaseTotals): Rows {
  const { targetRatePerSecond, workload } = result;
  const each = (count: number): string => `${whole(count / Math.max(seconds, 1e-9))} records/s`;
  const bytes = counters.sentBytes + consumedBytes(counters);
  const cpu: Rows =
    brokerCpuSeconds === null
      ? []
      : [
          ['broker CPU', `${((100 * brokerCpuSeconds) / Math.max(seconds, 1e-9)).toFixed(0)} % of a core`],
          ['broker CPU a record', `${((1e6 * brokerCpuSeconds) / Math.max(1, counters.acked || consumedRecords(counters))).toFixed(1)} µs`],
          ['broker CPU a GB in and out', bytes === 0 ? 'no bytes were counted' : `${(brokerCpuSeconds / (bytes / 1e9)).toFixed(2)} s`],
        ];
  return [
    ['measured for', `${seconds.toFixed(1)} s`],
    ['asked', `${whole(targetRatePerSecond)} records/s of ${whole(workload.messageSize)} B`],
    ['acknowledged', each(counters.acked)],
    [
      'received in that time, all subscriptions',
      each(seconds * (consumedPerSecond(result, seconds) ?? consumedRecords(counters) / seconds)),
    ],
    ...(counters.foreign > 0
      ? [
          [
            'records that were there before',
            `${whole(counters.foreign)}, ${(counters.foreignBytes / Math.max(seconds, 1e-9) / 1e6).toFixed(1)} MB/s`,
          ] as const,
        ]
      : []),
    ...(counters.batches > 0 ? [['records a batch', (counters.acked / counters.batches).toFixed(1)] as const] : []),
    ...cpu,
  ];
}

function backlogRows({ backlog, phases }: RunResult): Rows {
  if (backlog === null) return [];
  const publish = phases.flatMap((total): Rows => {
    if (!total.phase.label.startsWith('backlog')) return [];
    const found = latencyFigures(total, 'publishResponse');
    const p99 = found === null ? 'nothing was published' : `${ms((found as unknown as Record<string, number>)['p99Us']!)} ms`;
    return [[`publish p99, ${total.phase.label}`, p99]];
  });
  return [...backlogFacts(backlog), ...publish];
}

function backlogFacts({ askedRecords, builtRecords, leftRecords, drained, fillSeconds, drainSeconds }: BacklogRun): Rows {
  return [
    ['asked for', `${whole(askedRecords)} records owed`],
    ['built', `${whole(builtRecords)} records in ${fillSeconds.toFixed(1)} s`],
    [
      'drained',
      drained ? `in ${drainSeconds.toFixed(1)} s` : `no: ${whole(leftRecords)} records were left after ${drainSeconds.toFixed(1)} s`,
    ],
    ['backlog less per second', `${whole((builtRecords - leftRecords) / Math.max(drainSeconds, 1e-9))} records`],
  ];
}

function checks({ delivery, errorTexts }: RunResult, { counters, unfinishedRecords }: PhaseTotals): Rows {
  return [
    ['lost', whole(delivery.lostRecords)],
    ['duplicated', whole(delivery.duplicatedRecords)],
    ['read again after a rebalance', whole(delivery.redeliveredRecords)],
    ['reordered', whole(delivery.reorderedRecords)],
    ['corrupt', whole(delivery.corruptRecords)],
    ['acknowledged, not checked', whole(delivery.uncheckedRecords)],
    ['failed', whole(counters.errors)],
    ['not sent: the client’s queue was full', whole(counters.overflowed)],
    ['unanswered at the end', whole(unfinishedRecords)],
    ...Object.entries(errorTexts).map(([text, count]) => [`error: ${text}`, whole(count)] as const),
  ];
}

export function settingTables(result: RunResult): Html {
  const { system, environment, workload, driver, rateFinding, warmup } = result;
  const run: Rows = [
    ['command', result.command.join(' ')],
    ['run', result.runId],
    ['started', result.startedAt],
    ['ended', result.endedAt],
    ['load made by', result.client],
    ['warm-up', `${warmup.seconds.toFixed(1)} s, ${warmup.steady ? 'steady' : 'not steady'}: ${warmup.why}`],
    ['memory', result.memoryRegime],
    ['settings the client ignored', result.ignoredSettings.join(', ') || 'none'],
  ];
  const facts: Rows =
    system === null
      ? [['system', 'not reached']]
      : [
          ['product', system.product],
          ['at', `${system.bootstrap}, ${system.nodes} nodes`],
          ['storage', system.storageMode ?? 'the system does not say'],
          ['durability', system.durability],
        ];
  const search: Rows =
    rateFinding === null
      ? []
      : [
          ['objective', rateFinding.objective],
          [
            'highest rate that holds',
            rateFinding.ratePerSecond === null ? 'none' : `${whole(rateFinding.ratePerSecond)} records/s, confirmed`,
          ],
          ['the limit lies between', rateInterval(rateFinding)],
          ...rateFinding.steps.map(
            ({ ratePerSecond, passed, why }) => [`${whole(ratePerSecond)} records/s`, `${passed ? 'passed' : 'failed'}: ${why}`] as const,
          ),
        ];
  return html`${settings('Run', run)}${settings('System', facts)}${settings('Machine', entries(environment))}${settings('Rate finding', search)}
  ${settings('Workload', entries(workload))}${settings('Producer', entries(result.producerSettings))}${settings('Consumer', entries(result.consumerSettings))}
  ${settings('Driver file', entries(driver))}${settings('Topic settings, as the system says', entries(system?.topicSettings ?? {}))}${settings('Broker settings, as the system says', entries(system?.brokerSettings ?? {}))}`;
}

function rateInterval({ interval: [passed, failed] }: NonNullable<RunResult['rateFinding']>): string {
  return `${whole(passed)} records/s, which passed, and ${failed === null ? 'more: no rate that was tried failed' : `${whole(failed)}, which failed`}`;
}

function entries(values: object): Rows {
  return Object.entries(values).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]);
}

function settings(title: string, rows: Rows): Html {
  if (rows.length === 0) return html``;
  const lines = rows.map(
    ([name, value]) =>
      html`<tr>
        <th scope="row">${name}</th>
        <td>${value}</td>
      </tr>`,
  );
  return html`<div class="scroll">
    <table class="settings">
      <caption>
        ${title}
      </caption>
      <tbody>
        ${lines}
      </tbody>
    </table>
  </div>`;
}
