// What a run is doing, while it does it: one line rewritten in place on a terminal, or one JSON line an interval. Owner: the
// main thread. Not hot.

import type { Counters, IntervalRecord, LatencyKind } from '../contracts/interval-record.ts';
import type { Progress } from '../run/run-workload.ts';
import { LatencyHistogram } from '../stats/latency-histogram.ts';

export const ERASE = '\r\u001B[2K';
const USUAL_COLUMNS = 80;

export interface Terminal {
  readonly isTTY?: boolean;
  /** 0 where nobody has said how wide it is. */
  readonly columns?: number;
  write(text: string): unknown;
}

export class LiveLine {
  private readonly json: boolean;
  private readonly terminal: Terminal;
  private shown = false;
  private what = '';
  private phaseId = -1;
  /** Each worker's last with something in it: of one that sends, of one that reads. */
  private readonly sent = new Map<number, IntervalRecord>();
  private readonly read = new Map<number, IntervalRecord>();
  /** Since the beginning: what one interval holds back another sends. */
  private heldBack = 0;
  /** Of this phase. */
  private notSent = 0;

  constructor(json: boolean, terminal: Terminal = process.stderr) {
    this.json = json;
    this.terminal = terminal;
  }

  show({ what, record }: Progress): void {
    if (this.json) {
      if (record !== null) process.stdout.write(`${JSON.stringify({ type: 'interval', phase: what, ...record })}\n`);
      return;
    }
    if (this.terminal.isTTY !== true) {
      if (record === null) this.terminal.write(`ringlog bench: ${what}\n`);
      return;
    }
    if (record === null) this.what = what;
    else this.take(what, record);
    // One column is left free: a full line is wrapped by some terminals, and then no longer wiped.
    const room = (this.terminal.columns || USUAL_COLUMNS) - 1;
    const lines = this.lines();
    this.terminal.write(ERASE + (lines.find(({ length }) => length <= room) ?? lines.at(-1)!.slice(0, room)));
    this.shown = true;
  }

  clear(): void {
    if (this.shown) this.terminal.write(ERASE);
    this.shown = false;
  }

  private take(what: string, record: IntervalRecord): void {
    const { counters, phaseId, workerId } = record;
    // Answers to an earlier phase still come: they are news, but not what is going on.
    if (phaseId >= this.phaseId) {
      if (phaseId > this.phaseId) this.notSent = 0;
      this.phaseId = phaseId;
      this.what = what;
    }
    this.heldBack += counters.due - counters.sent - counters.overflowed;
    this.notSent += counters.overflowed;
    if (counters.due > 0 || counters.acked > 0) this.sent.set(workerId, record);
    if (counters.received + counters.foreign > 0) this.read.set(workerId, record);
  }

  /** From the widest to the narrowest that still has rate, percentiles and back-pressure. */
  private lines(): string[] {
    const { what, heldBack, notSent } = this;
    if (this.sent.size === 0 && this.read.size === 0) return [what];
    const acked = rateOf(this.sent, ({ acked: count }) => count);
    const read = rateOf(this.read, ({ received, foreign }) => received + foreign);
    const [publish, endToEnd] = [tailOf(this.sent, 'publishResponse'), tailOf(this.read, 'endToEnd')];
    const long = (ms: readonly number[]): string =>
      ms.length === 0 ? '' : ` p50/p99/p99.9 ${ms.map((each) => each.toFixed(2)).join('/')} ms`;
    const short = (ms: readonly number[]): string =>
      ms.length === 0
        ? ''
        : ` ${ms
            .map((each) => each.toPrecision(3))
            .map(Number)
            .join('/')} ms`;
    const held = Math.max(0, heldBack);
    const pressure = `${held} held back, ${notSent} not sent`;
    const brief = `${what}: ${acked}/s${short(publish)}, ${held} held, ${notSent} lost`;
    return [
      `${what}: ${acked}/s acked${long(publish)}, ${pressure}; ${read}/s read${long(endToEnd)}`,
      `${what}: ${acked}/s acked${short(publish)}, ${pressure}; ${read}/s read${short(endToEnd)}`,
      `${what}: ${acked}/s${short(publish)}, ${pressure}; read${short(endToEnd)}`,
      brief,
    ];
  }
}

type Records = ReadonlyMap<number, IntervalRecord>;

function rateOf(records: Records, of: (counters: Counters) => number): number {
  const rates = [...records.values()].map(({ counters, startNs, endNs }) => of(counters) / ((endNs - startNs) / 1e9));
  return Math.round(rates.reduce((sum, rate) => sum + rate, 0));
}

/** p50, p99, p99.9 in ms of all workers together; none where nothing was answered. */
function tailOf(records: Records, kind: LatencyKind): number[] {
  const texts = [...records.values()].flatMap(({ latencies }) => latencies[kind] ?? []);
  if (texts.length === 0) return [];
  const histogram = LatencyHistogram.merge(texts);
  return [50, 99, 99.9].map((percentile) => histogram.percentileNs(percentile) / 1e6);
}
