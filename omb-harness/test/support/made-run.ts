// A RunResult made by hand: ten seconds at 1,000 records a second with a stall of one second in them, and strings that would
// be markup if they could. Owner: pure.

import { type CounterName, counterNames, type LatencyKind } from '../../src/contracts/interval-record.ts';
import { type IntervalPoint, RESULT_VERSION, type RunResult } from '../../src/contracts/run-result.ts';
import { LatencyHistogram } from '../../src/stats/latency-histogram.ts';
import { samplePlan } from './sample-run.ts';

export const hostile = `</script><script>globalThis.hurt=1</script><img src=x onerror="globalThis.hurt=2">&amp;'"\u2028`;

const RATE = 1000;
const SECONDS = 10;
/** Nothing is answered in [4, 5): those records are answered at 5. */
const STALL_AT = 4;
const MEASURED_AT_NS = 1e12;

const zero = Object.fromEntries(counterNames.map((name) => [name, 0])) as Record<CounterName, number>;

function encoded(values: readonly number[]): string {
  const histogram = LatencyHistogram.empty();
  for (const value of values) histogram.record(value);
  return histogram.encode();
}

const usual = (at: number): number => 2e6 + (at % 50) * 1e5;

function second(startSeconds: number): { point: IntervalPoint; response: number[]; sending: number[] } {
  const own = Array.from({ length: RATE }, (_, at) => usual(at));
  const late = Array.from({ length: RATE }, (_, at) => 1e9 - at * 1e6 + 2e6);
  const stalled = startSeconds === STALL_AT;
  const response = stalled ? [] : startSeconds === STALL_AT + 1 ? [...late, ...own] : own;
  const sending = response.map((_, at) => usual(at));
  const counters = { ...zero, due: RATE, sent: stalled ? 0 : response.length, acked: response.length, received: response.length };
  const latencies: Partial<Record<LatencyKind, string>> = stalled
    ? {}
    : {
        publishResponse: encoded(response),
        publishUncorrected: encoded(sending),
        endToEnd: encoded(response),
        publishDelay: encoded(response),
      };
  const warm = startSeconds < 0;
  const cores = { generatorCoreShare: 0.2, brokerCoreShare: 0.4, brokerResidentBytes: 1e8 + startSeconds * 1e6 };
  const usage = { ...cores, deviceWrittenBytes: 1e6, deviceFlushes: stalled ? 0 : 10, pageCacheBytes: 2e9, dirtyBytes: 1e7 };
  const cached = { logCachedBytes: 1e8, logDirtyBytes: 5e6 };
  const times = { phaseId: warm ? 0 : 1, startSeconds, endSeconds: startSeconds + 1, backlogRecords: stalled ? RATE : 0 };
  return { point: { ...times, counters, latencies, ...usage, ...cached }, response, sending };
}

/** @param seconds measured; the stall is in the first ten */
export function madeRun(changes: Partial<RunResult> = {}, seconds = SECONDS): RunResult {
  const warm = second(-1);
  const made = Array.from({ length: seconds }, (_, at) => second(at));
  const response = made.flatMap((one) => one.response);
  const sending = made.flatMap((one) => one.sending);
  const { workload, driver } = samplePlan();
  const phase = (id: number, label: 'warm-up' | 'measured', startNs: number, endNs: number) => ({
    phase: { id, label, startNs, endNs, ratePerSecond: RATE, arrivals: 'periodic' as const },
    seconds: (endNs - startNs) / 1e9,
    unfinishedRecords: 0,
    brokerCpuSeconds: 4,
    deviceWrittenBytes: 2e7,
    deviceFlushes: 40,
  });
  return {
    resultVersion: RESULT_VERSION,
    runId: '00c0ffee',
    startedAt: '2026-11-21T09:00:00.000Z',
    endedAt: '2026-11-21T09:00:20.000Z',
    partial: false,
    command: ['ringlog', 'bench', hostile],
    workload: { ...workload, name: `stalled ${hostile}` },
    driver,
    client: hostile,
    subscriptions: 1,
    producerSettings: { [hostile]: hostile },
    consumerSettings: {},
    ignoredSettings: [hostile],
    system: {
      ...{ product: hostile, nodes: 1, bootstrap: hostile, storageMode: null, durability: hostile },
      ...{ brokerSettings: { a: hostile }, topicSettings: { b: hostile } },
    },
    environment: {
      ...{ kernel: 'Linux', cpuModel: hostile, cpuCount: 2, memoryBytes: 1e9, nodeVersion: 'v20' },
      ...{ fileSystem: null, disk: null, virtualisation: null, harnessVersion: '0' },
    },
    diskCeiling: { writtenBytesPerSecond: 5e8, lonelyFlushesPerSecond: 200 },
    memoryRegime: 'as found',
    targetRatePerSecond: RATE,
    warmup: { seconds: 1, steady: true, why: hostile },
    intervals: [warm.point, ...made.map(({ point }) => point)],
    phases: [
      { ...phase(0, 'warm-up', MEASURED_AT_NS - 1e9, MEASURED_AT_NS), counters: warm.point.counters, latencies: {} },
      {
        ...phase(1, 'measured', MEASURED_AT_NS, MEASURED_AT_NS + seconds * 1e9),
        counters: { ...zero, due: seconds * RATE, sent: seconds * RATE, acked: seconds * RATE, received: seconds * RATE },
        latencies: {
          ...{ publishResponse: encoded(response), publishUncorrected: encoded(sending) },
          ...{ endToEnd: encoded(response), endToEndUncorrected: encoded(sending) },
        },
      },
    ],
    measuredPhase: 1,
    delivery: {
      ...{ ackedRecords: seconds * RATE, unconfirmedRecords: 0, lostRecords: 0, duplicatedRecords: 0, redeliveredRecords: 0 },
      ...{ reorderedRecords: 0, corruptRecords: 0, uncheckedRecords: 0 },
    },
    rateFinding: null,
    backlog: null,
    errorTexts: { [hostile]: 3 },
    verdict: { standing: 'VALID', reasons: [], warnings: [{ code: 'shared-host', text: hostile }] },
    ...changes,
  };
}
