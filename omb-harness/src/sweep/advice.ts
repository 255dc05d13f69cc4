// The rules of the literature, computed from what was measured here: how many partitions, which linger, which storage, what an
// fsync costs, how much memory and disk. Owner: pure. Not hot.
//
// Every line names the runs it came from, or the command that would measure what is missing. Nothing is assumed.

import type { DiskLimits } from '../contracts/disk-limits.ts';
import type { RunResult } from '../contracts/run-result.ts';
import type { FigureName, Trial } from '../contracts/trial.ts';
import { compareRuns, type Comparison, median } from '../stats/bootstrap.ts';
import type { ExperimentRecord } from './experiment-record.ts';
import { figures, shownFigure } from './figures.ts';

export interface Wishes {
  /** Of all producers together. */
  readonly bytesPerSecond: number;
  readonly p99Ms: number;
  readonly retentionHours: number;
  /** How far back a consumer may be and still be served from memory. */
  readonly lagSeconds: number;
}

export interface KnownRun {
  /** For links: its folder. */
  readonly folder: string;
  readonly result: RunResult;
  readonly figures: Trial['figures'];
}

interface KnownExperiment {
  readonly folder: string;
  readonly record: ExperimentRecord;
  readonly trials: readonly Trial[];
}

export interface Known {
  readonly runs: readonly KnownRun[];
  readonly experiments: readonly KnownExperiment[];
  readonly disk: { readonly folder: string; readonly limits: DiskLimits } | null;
}

export interface Advice {
  readonly topic: string;
  readonly text: string;
  readonly sources: readonly string[];
}

/** A partition's limit moves; a group's members fail. */
const PARTITION_HEADROOM = 1.3;
const DISK_HEADROOM = 1.25;
/** Indexes and what a log keeps before retention takes a whole segment. */
const LOG_OVERHEAD = 1.1;
const SOURCES_MAX = 3;

export function adviceOf(known: Known, wishes: Wishes): Advice[] {
  const counting = {
    ...known,
    runs: known.runs.filter(({ result }) => result.verdict.standing !== 'INVALID' && result.measuredPhase !== null),
  };
  return [
    partitions(counting, wishes),
    lingerAndBatch(counting, wishes),
    dialAdvice(known, 'storage', 'Storage mode', 'ringlog bench sweep storage'),
    dialAdvice(known, 'fsync', 'Price of an fsync', 'ringlog bench sweep storage'),
    flushFloor(known),
    memory(counting, wishes),
    disk(counting, wishes),
  ];
}

const mb = (bytes: number): string => `${shownFigure(bytes / 1e6)} MB/s`;

interface Limit {
  readonly bytesPerSecond: number;
  readonly folder: string;
  /** The run was at its limit: saturated, or at the highest rate that was found. */
  readonly reached: boolean;
}

/** partitions = max(T / Tp, T / Tc), with headroom. */
function partitions({ runs }: Known, { bytesPerSecond }: Wishes): Advice {
  const produced = runs.map((run) =>
    perPartition(run, (seconds, { counters }) => (counters.acked * run.result.workload.messageSize) / seconds),
  );
  const consumed = runs
    .filter(({ result }) => result.subscriptions > 0)
    .map((run) => perPartition(run, (seconds, { counters }) => counters.receivedBytes / seconds / run.result.subscriptions));
  const topic = 'Partitions';
  const [tp, tc] = [highest(produced), highest(consumed)];
  if (tp === null || tc === null) return missing(topic, 'ringlog bench 1-topic-1-partition-1kb-20k', 'no run with consumers that counts');
  const needed = Math.ceil(PARTITION_HEADROOM * Math.max(bytesPerSecond / tp.bytesPerSecond, bytesPerSecond / tc.bytesPerSecond));
  const said = ({ reached, bytesPerSecond: found }: Limit): string => `${reached ? '' : 'at least '}${mb(found)}`;
  const loose =
    tp.reached && tc.reached
      ? ''
      : ' A partition was not driven to its limit, so fewer may do: ringlog bench max-rate-1-topic-1-partition-1kb.';
  return {
    topic,
    text: `${needed} for ${mb(bytesPerSecond)}: max(T/Tp, T/Tc) x ${PARTITION_HEADROOM}, where one partition takes ${said(tp)} and gives one group ${said(tc)}.${loose}`,
    sources: [...new Set([tp.folder, tc.folder])],
  };
}

function perPartition({ folder, result }: KnownRun, rate: (seconds: number, total: RunResult['phases'][number]) => number): Limit {
  const total = result.phases[result.measuredPhase!]!;
  const count = result.workload.topics * result.workload.partitionsPerTopic;
  const reached = result.verdict.standing === 'SATURATED' || result.rateFinding !== null;
  return { bytesPerSecond: rate(total.seconds, total) / count, folder, reached };
}

const highest = (limits: readonly Limit[]): Limit | null =>
  limits.filter(({ bytesPerSecond }) => bytesPerSecond > 0).sort((a, b) => b.bytesPerSecond - a.bytesPerSecond)[0] ?? null;

/** Of the settings whose p99 holds the objective, the one that costs the broker least. */
function lingerAndBatch({ runs }: Known, { p99Ms }: Wishes): Advice {
  const topic = 'Linger and batch';
  const groups = new Map<string, KnownRun[]>();
  for (const run of runs) {
    const { 'linger.ms': linger, 'batch.size': batch, acks, 'compression.type': codec } = run.result.producerSettings;
    if (linger === undefined || run.figures.publishP99Ms === undefined) continue;
    const name = `acks=${acks} linger.ms=${linger} batch.size=${batch} compression=${codec ?? 'none'}`;
    groups.set(name, [...(groups.get(name) ?? []), run]);
  }
  const settings = [...groups].map(([name, own]) => ({
    name,
    own,
    p99: median(own.map((run) => run.figures.publishP99Ms!)),
    cpu: median(own.map((run) => run.figures.brokerCpuUsPerRecord ?? Infinity)),
  }));
  const holding = settings.filter(({ p99 }) => p99 <= p99Ms).sort((a, b) => a.cpu - b.cpu || a.p99 - b.p99);
  if (settings.length < 2) return missing(topic, 'ringlog bench sweep acks-linger', 'fewer than two settings were measured');
  const [best] = holding;
  if (best === undefined) {
    const [least] = [...settings].sort((a, b) => a.p99 - b.p99);
    const text = `no setting of ${settings.length} held a publish p99 of ${p99Ms} ms; the least was ${shownFigure(least!.p99)} ms with ${least!.name}`;
    return { topic, text, sources: foldersOf(least!.own) };
  }
  const cost = Number.isFinite(best.cpu) ? `, and costs the broker least: ${shownFigure(best.cpu)} µs a record` : '';
  return {
    topic,
    text: `${best.name} holds a publish p99 of ${p99Ms} ms (${shownFigure(best.p99)} ms, ${best.own.length} runs)${cost}; ${holding.length} of ${settings.length} settings hold it`,
    sources: foldersOf(best.own),
  };
}

const foldersOf = (runs: readonly KnownRun[]): string[] => runs.slice(0, SOURCES_MAX).map(({ folder }) => folder);

/** What turning one dial does, everything else alike: runs of one experiment that differ in nothing else, next to each other. */
function dialAdvice({ experiments }: Known, dial: string, topic: string, command: string): Advice {
  const lines: string[] = [];
  const sources = new Set<string>();
  const levels = [...new Set(experiments.flatMap(({ record }) => record.dials[dial] ?? []))];
  const [first, ...others] = levels;
  for (const other of others)
    for (const figure of ['publishP99Ms', 'brokerCpuUsPerRecord'] as const) {
      const pairs = experiments.flatMap((experiment) => alikePairs(experiment, dial, first!, other, figure));
      if (pairs.length === 0) continue;
      for (const { folders } of pairs) for (const folder of folders.slice(0, 1)) if (sources.size < SOURCES_MAX) sources.add(folder);
      const comparison = compareRuns(
        pairs.map(({ values }) => values[0]),
        pairs.map(({ values }) => values[1]),
      );
      lines.push(`${figures[figure].label} of ${other} is ${inWords(comparison)} that of ${first}`);
    }
  if (lines.length === 0) return missing(topic, command, `no two runs that count differ in ${dial} alone`);
  return { topic, text: lines.join('; '), sources: [...sources] };
}

function inWords({ ratio, verdict }: Comparison): string {
  const shown = `${shownFigure(ratio.median)} times [${shownFigure(ratio.low)}..${shownFigure(ratio.high)}, ${ratio.runs} pairs]`;
  if (verdict === 'inside-noise') return `inside the noise of`;
  return verdict === 'too-few-runs' ? `${shown} (too few runs to claim it)` : shown;
}

interface Pair {
  readonly values: readonly [number, number];
  readonly folders: readonly string[];
}

function alikePairs({ folder, record, trials }: KnownExperiment, dial: string, one: string, other: string, figure: FigureName): Pair[] {
  const others = (levels: Readonly<Record<string, string>>): string => JSON.stringify({ ...levels, [dial]: '' });
  const counting = (cell: string, repeat: number): Trial | undefined =>
    trials.find((trial) => trial.cell === cell && trial.repeat === repeat && trial.standing !== 'INVALID');
  return record.cells.flatMap((a) => {
    const b = record.cells.find(({ levels }) => levels[dial] === other && others(levels) === others(a.levels));
    if (a.levels[dial] !== one || b === undefined) return [];
    return Array.from({ length: record.repeats }, (_, repeat) => [counting(a.id, repeat), counting(b.id, repeat)] as const).flatMap(
      ([first, second]): Pair[] => {
        const values = [first?.figures[figure], second?.figures[figure]] as const;
        if (values[0] === undefined || values[1] === undefined || values[0] <= 0) return [];
        return [{ values: [values[0], values[1]], folders: [`${folder}/${first!.folder ?? ''}`, `${folder}/${second!.folder ?? ''}`] }];
      },
    );
  });
}

function flushFloor({ disk }: Known): Advice {
  const topic = 'Durable acks on this disk';
  const flush = disk?.limits.figures.find(({ work, bytes }) => work === 'append-fdatasync' && bytes === 4096);
  if (disk === null || flush === undefined) return missing(topic, 'ringlog bench disk', 'the disk was not measured');
  const virtual = disk.limits.virtual === null ? '' : '; the disk is virtual: compare with it, quote nothing of it';
  return {
    topic,
    text: `no ack that waits for the disk takes less than ${shownFigure(flush.p50Us / 1000)} ms (p99 ${shownFigure(flush.p99Us / 1000)} ms): that is one append of 4 KiB with its fdatasync${virtual}`,
    sources: [disk.folder],
  };
}

/** What consumers that lag read, the rate of the log for that long, beside what the broker itself holds. */
function memory({ runs }: Known, { bytesPerSecond, lagSeconds }: Wishes): Advice {
  const topic = 'Memory for the tail';
  const [largest] = runs
    .filter((run) => run.figures.brokerPeakMemoryMB !== undefined)
    .sort((a, b) => b.figures.brokerPeakMemoryMB! - a.figures.brokerPeakMemoryMB!);
  if (largest === undefined) return missing(topic, 'ringlog bench', 'no run had the broker on this machine');
  const tail = (bytesPerSecond * LOG_OVERHEAD * lagSeconds) / 1e6;
  const own = largest.figures.brokerPeakMemoryMB!;
  return {
    topic,
    text: `${shownFigure(tail + own)} MB: ${shownFigure(tail)} MB of log for consumers up to ${lagSeconds} s behind, and ${shownFigure(own)} MB that the broker itself took at most`,
    sources: [largest.folder],
  };
}

function disk({ runs, disk: probed }: Known, { bytesPerSecond, retentionHours }: Wishes): Advice {
  const topic = 'Disk for retention';
  const gigabytes = (bytesPerSecond * LOG_OVERHEAD * retentionHours * 3600 * DISK_HEADROOM) / 1e9;
  const written = runs.filter((run) => run.figures.deviceBytesPerByteSent !== undefined);
  const wear = written.length === 0 ? null : median(written.map((run) => run.figures.deviceBytesPerByteSent!));
  const write =
    probed === null
      ? 0
      : Math.max(0, ...probed.limits.figures.filter(({ work }) => ['append', 'direct'].includes(work)).map((one) => one.bytesPerSecond));
  const asked = bytesPerSecond * (wear ?? 1);
  const ceiling = write === 0 ? '' : `; that is ${shownFigure((100 * asked) / write)} % of what this disk takes`;
  const share = wear === null ? '' : `; the disk took ${shownFigure(wear)} bytes for each byte sent, so ${mb(asked)}${ceiling}`;
  return {
    topic,
    text: `${shownFigure(gigabytes)} GB a replica for ${retentionHours} h at ${mb(bytesPerSecond)}: with ${LOG_OVERHEAD} for batches and indexes, and ${DISK_HEADROOM} free${share}`,
    sources: [...foldersOf(written), ...(probed === null ? [] : [probed.folder])],
  };
}

function missing(topic: string, command: string, why: string): Advice {
  return { topic, text: `not known: ${why}. Measure it: ${command}`, sources: [] };
}
