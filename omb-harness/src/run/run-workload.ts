// One run of one workload on one system: topics, clients, warm-up, the measured time, drain, verdict. Owner: the calling
// thread. Not hot.
//
// Whatever goes wrong once topics stand, a result comes of it: partial, with what there is, and INVALID with the reason.

import type { Clock } from '../contracts/clock.ts';
import { type Driver, type SystemFacts } from '../contracts/driver.ts';
import type { IntervalRecord } from '../contracts/interval-record.ts';
import type { LoadEvents, LoadHandle, LoadSummary } from '../contracts/load-handle.ts';
import type { Phase, PhaseLabel, RateCourse } from '../contracts/phase.ts';
import { type BacklogRun, type Environment, type RateFinding, RESULT_VERSION, type RunResult } from '../contracts/run-result.ts';
import { type RunPlan, separationSeconds } from '../plan/run-plan.ts';
import type { LatencyObjective } from '../stats/latency-objective.ts';
import { courseOf, meanRate } from '../stats/rate-course.ts';
import { findRate, type RateSearch, type RateTrial } from '../stats/rate-finding.ts';
import { steadiness } from '../stats/warm-up.ts';
import { checkDelivery } from '../validity/check-delivery.ts';
import { judgeRun } from '../validity/judge-run.ts';
import { buildAndDrain } from './backlog.ts';
import { measuredEvidence } from './measured-evidence.ts';
import { RunLedger } from './run-ledger.ts';

export interface RunTools {
  readonly clock: Clock;
  readonly environment: Environment;
  /** How page-cache memory was prepared, in words. */
  readonly memoryRegime: string;
  readonly diskCeiling: RunResult['diskCeiling'];
  /** Stops the run; what there is by then is the result. */
  readonly signal: AbortSignal;
  readonly command: readonly string[];
  readonly search: RateSearch;
  readonly searchStepSeconds: number;
  /** What a rate must hold; null: only the rate itself. */
  readonly objective: LatencyObjective | null;
  /** Nothing received for this long ends the wait for consumers. */
  readonly drainMs: number;
  readonly onProgress: (progress: Progress) => void;
}

export interface Progress {
  readonly what: string;
  /** Of the phase that is named: answers come after its end, too. */
  readonly record: IntervalRecord | null;
}

interface Interruption {
  readonly code: string;
  readonly text: string;
}

/** From announcement to start: every worker must have heard by then. */
const LEAD_NS = 100e6;
const POLL_NS = 50e6;
/** Consumers that report nothing new for so long have read all there is. */
const COLD_QUIET_INTERVALS = 3;
/** Names that runs give, here and in OMB: `reset` deletes no others. */
const OWN_TOPICS = 'test-topic';
/** Consumers that go on receiving get this many times the wait for a sign of life. */
const DRAINS_MAX = 4;

export async function runWorkload(driver: Driver, plan: RunPlan, tools: RunTools): Promise<RunResult> {
  if (plan.driver.reset) await driver.deleteTopics((await driver.topicNames()).filter((name) => name.startsWith(OWN_TOPICS)));
  if (!plan.topicsExist) await driver.createTopics(plan.topics);
  const run = new WorkloadRun(driver, plan, tools);
  return run.run();
}

class WorkloadRun {
  private readonly driver: Driver;
  private readonly plan: RunPlan;
  private readonly tools: RunTools;
  private readonly clock: Clock;
  private readonly ledger: RunLedger;
  private readonly startedAt = new Date();
  /** Aborted by the user's signal or by a load that cannot go on. */
  private readonly stop = new AbortController();
  private interruption: Interruption | null = null;
  /** One a worker. */
  private readonly producers: LoadHandle[] = [];
  private readonly consumers: LoadHandle[] = [];
  private system: SystemFacts | null = null;
  private readonly phases: Phase[] = [];
  private rateFinding: RateFinding | null = null;
  private backlog: BacklogRun | null = null;
  private warmup = { seconds: 0, steady: false, why: 'it was not reached' };
  private measured: Phase | null = null;
  private drained = false;

  constructor(driver: Driver, plan: RunPlan, tools: RunTools) {
    this.driver = driver;
    this.plan = plan;
    this.tools = tools;
    this.clock = tools.clock;
    this.ledger = new RunLedger(this.clock.nowNs(), plan.producerLoads[0]!.intervalMs, plan.subscriptions, () => driver.brokerUsage());
  }

  async run(): Promise<RunResult> {
    const onSignal = (): void => this.interrupt('interrupted', 'stopped before its end by a signal');
    this.tools.signal.addEventListener('abort', onSignal);
    if (this.tools.signal.aborted) onSignal();
    try {
      await this.go();
    } catch (error) {
      this.interrupt('failed', (error as Error).message);
    }
    const summaries = await this.close();
    this.tools.signal.removeEventListener('abort', onSignal);
    return this.result(summaries);
  }

  private async go(): Promise<void> {
    this.say('connecting');
    this.system = await this.driver.describe(this.plan.topics[0]!.name);
    const events = this.events();
    for (const load of this.plan.consumerLoads) this.consumers.push(await this.driver.openConsumers(load, events));
    for (const load of this.plan.producerLoads) this.producers.push(await this.driver.openProducers(load, events));
    if (this.plan.coldRead) return this.readWhatIsThere();
    const { producerRate, producerRateList, warmupProducerRate, consumerBacklogSizeGB, consumerOnly } = this.plan.workload;
    // A list's first rate, if it is one.
    const listed =
      producerRateList === null
        ? null
        : this.course()![0]!.ratePerSecond || producerRateList.points.find(({ ratePerSecond }) => ratePerSecond > 0)!.ratePerSecond;
    const rate = listed ?? (producerRate === 0 ? await this.search() : producerRate);
    if (rate === null || this.stop.signal.aborted) return;
    await this.warmUp(warmupProducerRate > 0 ? warmupProducerRate : rate);
    if (this.stop.signal.aborted) return;
    await this.partFromWarmUp(rate);
    if (consumerBacklogSizeGB > 0) await this.buildBacklog();
    if (this.stop.signal.aborted) return;
    // The backlog is all there is to it: what was written is measured as it was.
    if (consumerOnly) this.measured = this.phases.findLast(({ label }) => label === 'backlog-fill')!;
    else await this.measure(rate);
    // Interrupted: whoever has stopped it does not wait for answers as long as a run does.
    if (!this.stop.signal.aborted) await this.drain();
  }

  /** To its end, or for the measured time. Its last sign of life is its end: waiting for more is no reading. */
  private async readWhatIsThere(): Promise<void> {
    this.say('reading what is there');
    const { measuredSeconds } = this.plan;
    this.warmup = { seconds: 0, steady: true, why: 'there is none before a cold read' };
    const phase = this.announce('measured', 0, measuredSeconds > 0 ? measuredSeconds : null);
    this.measured = phase;
    await this.sleepUntil(phase.startNs);
    await Promise.all(this.consumers.map((load) => load.resume()));
    const read = (): number => this.ledger.sum('foreign') + this.ledger.sum('received');
    const quietNs = COLD_QUIET_INTERVALS * this.plan.consumerLoads[0]!.intervalMs * 1e6;
    let last = 0;
    let lastNs = phase.startNs;
    while (!this.stop.signal.aborted && this.clock.nowNs() < (phase.endNs ?? Infinity)) {
      await this.sleepUntil(this.clock.nowNs() + POLL_NS);
      const now = this.clock.nowNs();
      const patienceNs = last === 0 ? this.tools.drainMs * 1e6 : quietNs;
      if (read() === last && now - lastNs > patienceNs) return this.ledger.end(phase.id, lastNs);
      if (read() > last) [last, lastNs] = [read(), now];
    }
  }

  private events(): LoadEvents {
    return {
      onInterval: (record) => {
        this.ledger.add(record);
        const phase = this.phases[record.phaseId];
        if (phase !== undefined) this.tools.onProgress({ what: phase.label, record });
      },
      onFailure: (error) => this.interrupt('system-lost', error.message),
    };
  }

  private interrupt(code: string, text: string): void {
    this.interruption ??= { code, text };
    this.stop.abort();
    // A drain that is under way ends with it.
    for (const load of this.producers) void load.quiesce(0).catch(() => undefined);
  }

  private say(what: string): void {
    this.tools.onProgress({ what, record: null });
  }

  private announce(label: PhaseLabel, ratePerSecond: number, seconds: number | null, course: RateCourse | null = null): Phase {
    const startNs = this.clock.nowNs() + LEAD_NS;
    const before = this.phases.at(-1);
    if (before !== undefined) this.ledger.end(before.id, startNs);
    const endNs = seconds === null ? null : startNs + seconds * 1e9;
    const bare: Phase = { id: this.phases.length, label, startNs, endNs, ratePerSecond, arrivals: 'periodic' };
    const phase = course === null ? bare : { ...bare, course };
    this.phases.push(phase);
    this.ledger.begin(phase);
    // Consumers first: a record must find its phase known.
    for (const load of [...this.consumers, ...this.producers]) load.announce(phase);
    return phase;
  }

  private sleepUntil(ns: number): Promise<void> {
    return this.clock.sleepUntil(ns, this.stop.signal);
  }

  /** At least as long as asked for, then until no trend is left. */
  private async warmUp(rate: number): Promise<void> {
    this.say('warming up');
    const phase = this.announce('warm-up', rate, null);
    const { warmupSeconds, warmupMaxSeconds } = this.plan;
    await this.sleepUntil(phase.startNs + warmupSeconds * 1e9);
    for (;;) {
      // The first interval holds connecting and compiling; it would always be a trend.
      const medians = this.ledger.series(phase.id, ({ latency }) => latency('publishResponse').percentileNs(50)).slice(1);
      const seconds = (this.clock.nowNs() - phase.startNs) / 1e9;
      this.warmup = { seconds, ...steadiness(medians) };
      if (this.warmup.steady || seconds >= warmupMaxSeconds || this.stop.signal.aborted) return;
      await this.sleepUntil(this.clock.nowNs() + POLL_NS);
    }
  }

  /** What a change of rate stirs up is not measured. */
  private async partFromWarmUp(rate: number): Promise<void> {
    const seconds = separationSeconds(this.plan.workload);
    if (seconds === 0 || this.stop.signal.aborted) return;
    this.say('letting the change of rate settle');
    const phase = this.announce('warm-up', rate, seconds);
    await this.sleepUntil(phase.endNs!);
  }

  private async buildBacklog(): Promise<void> {
    this.say('building a backlog');
    this.backlog = await buildAndDrain(this.plan.workload, {
      clock: this.clock,
      consumers: this.consumers,
      owed: () => this.owed(),
      announce: (label, rate) => this.announce(label, rate, null),
      signal: this.stop.signal,
      patienceMs: this.tools.drainMs,
    });
  }

  private owed(): number {
    return this.ledger.sum('owed') * this.plan.subscriptions - this.ledger.sum('received');
  }

  private async measure(rate: number): Promise<void> {
    this.say('measuring');
    const { measuredSeconds } = this.plan;
    const course = this.course();
    const phase = this.announce('measured', course === null ? rate : meanRate(course, measuredSeconds), measuredSeconds, course);
    this.measured = phase;
    await this.sleepUntil(phase.endNs!);
  }

  /** Of the workload's list, if it began now. */
  private course(): RateCourse | null {
    const { producerRateList } = this.plan.workload;
    const now = new Date();
    return (
      producerRateList &&
      courseOf(producerRateList, now.getHours() * 60 + now.getMinutes() + now.getSeconds() / 60, this.plan.measuredSeconds)
    );
  }

  /** The highest rate that holds its objective; null when none did. */
  private async search(): Promise<number | null> {
    this.say('looking for the highest rate');
    this.rateFinding = await findRate((rate) => this.attempt(rate), this.tools.search);
    if (this.rateFinding.ratePerSecond === null) this.interrupt('no-rate', 'no rate was found that holds the objective again and again');
    return this.rateFinding.ratePerSecond;
  }

  private async attempt(rate: number): Promise<RateTrial> {
    if (this.stop.signal.aborted) throw new Error('stopped while the rate was looked for');
    const phase = this.announce('search', rate, this.tools.searchStepSeconds);
    await this.sleepUntil(phase.endNs!);
    const asked = rate * this.tools.searchStepSeconds;
    await this.settled(phase.id, asked, this.clock.nowNs() + this.tools.drainMs * 1e6);
    const { due, acked, overflowed } = this.ledger.countersOf(phase.id);
    // Without an objective a rate that only piles up is told by the wait: it must stay a small part of the step.
    const bound = this.tools.objective ?? { kind: 'publishResponse', percentile: 99, maxMs: this.tools.searchStepSeconds * 100 };
    const foundMs = this.ledger.latencyOf(phase.id, bound.kind).percentileNs(bound.percentile) / 1e6;
    const waitMs = this.ledger.latencyOf(phase.id, 'publishDelay').percentileNs(99) / 1e6;
    const what = bound.kind === 'endToEnd' ? 'end-to-end ' : '';
    const why = `${acked} of ${Math.round(asked)} acknowledged, ${overflowed} overflowed, ${what}p${bound.percentile} ${foundMs.toFixed(2)} ms, p99 of the wait before sending ${waitMs.toFixed(2)} ms`;
    const held = acked >= 0.99 * asked && due >= 0.99 * asked && overflowed === 0;
    return { passed: held && foundMs <= bound.maxMs, why };
  }

  /** All of the phase is reported and answered, or no more comes. Loads report by interval: the last part comes after the end. */
  private async settled(phaseId: number, asked: number, limitNs: number): Promise<void> {
    for (;;) {
      const { due, acked, owed: read, errors, overflowed, received } = this.ledger.countersOf(phaseId);
      // Consumers that are behind would still be behind in the next step.
      const owed = read * this.plan.subscriptions;
      if (due > asked - 1 && acked + errors + overflowed >= due && received >= owed) return;
      if (this.clock.nowNs() >= limitNs || this.stop.signal.aborted) return;
      await this.sleepUntil(this.clock.nowNs() + POLL_NS);
    }
  }

  private async drain(): Promise<void> {
    this.say('draining');
    await Promise.all(this.producers.map((load) => load.quiesce(this.tools.drainMs)));
    if (this.consumers.length === 0) return;
    let owed = this.owed();
    const { drainMs } = this.tools;
    const overNs = this.clock.nowNs() + DRAINS_MAX * drainMs * 1e6;
    let limitNs = this.clock.nowNs() + drainMs * 1e6;
    while (owed > 0 && this.clock.nowNs() < Math.min(limitNs, overNs) && !this.stop.signal.aborted) {
      await this.sleepUntil(this.clock.nowNs() + POLL_NS);
      const now = this.owed();
      if (now < owed) limitNs = this.clock.nowNs() + drainMs * 1e6;
      owed = now;
    }
    // Consumers that were still at it have lost nothing.
    this.drained = !this.stop.signal.aborted && this.clock.nowNs() < overNs;
  }

  private async close(): Promise<LoadSummary[]> {
    if (this.interruption !== null) await Promise.allSettled(this.producers.map((load) => load.quiesce(0)));
    const summaries: LoadSummary[] = [];
    for (const handle of [...this.producers, ...this.consumers]) {
      const summary = await handle.close().catch((error: unknown) => {
        this.interrupt('system-lost', (error as Error).message);
        return null;
      });
      if (summary !== null) summaries.push(summary);
    }
    const last = this.phases.at(-1);
    if (last !== undefined) this.ledger.end(last.id, this.clock.nowNs());
    const names = this.plan.topics.map(({ name }) => name);
    if (!this.plan.topicsExist)
      await this.driver.deleteTopics(names).catch((error: unknown) => this.say(`topics are left behind: ${(error as Error).message}`));
    return summaries;
  }

  private result(summaries: readonly LoadSummary[]): RunResult {
    const { plan, tools, ledger, measured } = this;
    const { subscriptions } = plan;
    const unfinished = new Map<number, number>();
    for (const { unfinishedByPhase } of summaries)
      for (const [id, count] of Object.entries(unfinishedByPhase)) unfinished.set(Number(id), (unfinished.get(Number(id)) ?? 0) + count);
    const phases = ledger.totals(unfinished, this.clock.nowNs());
    const intervals = ledger.points(measured?.startNs ?? this.phases[0]?.startNs ?? 0);
    const delivery = checkDelivery({
      sent: summaries.flatMap(({ sentLanes }) => sentLanes),
      seen: summaries.flatMap(({ seenLanes }) => seenLanes),
      groupsOf: groupsByLane(plan),
      drained: this.drained,
      duplicated: ledger.sum('duplicated'),
      redelivered: ledger.sum('redelivered'),
      reordered: ledger.sum('reordered'),
      corrupt: ledger.sum('corrupt'),
    });
    const measuredPhase = measured === null ? null : phases.findIndex(({ phase }) => phase.id === measured.id);
    const total = measuredPhase === null ? null : phases[measuredPhase]!;
    const targetRatePerSecond = measured?.ratePerSecond ?? plan.workload.producerRate;
    const ignoredSettings = [...new Set(summaries.flatMap((summary) => summary.ignoredSettings))];
    const verdict = judgeRun({
      subscriptions,
      coldRead: plan.coldRead,
      targetRatePerSecond,
      measured: total === null ? null : measuredEvidence(total, intervals),
      delivery,
      warmupSteady: this.warmup.steady,
      warmupWhy: this.warmup.why,
      interruption: this.interruption,
      backlog: this.backlog,
      ignoredSettings,
      planWarnings: plan.warnings,
      sharedHost: /^(127\.|localhost|\[?::1)/.test(plan.producerLoads[0]!.bootstrap),
    });
    return {
      resultVersion: RESULT_VERSION,
      runId: plan.runId.toString(16).padStart(8, '0'),
      startedAt: this.startedAt.toISOString(),
      endedAt: new Date().toISOString(),
      partial: this.interruption !== null,
      command: tools.command,
      workload: plan.workload,
      driver: plan.driver,
      client: this.driver.client,
      subscriptions,
      producerSettings: summaries.find(({ workerId }) => workerId === plan.producerLoads[0]!.workerId)?.effectiveSettings ?? {},
      consumerSettings: summaries.find(({ workerId }) => workerId === plan.consumerLoads[0]?.workerId)?.effectiveSettings ?? {},
      ignoredSettings,
      system: this.system,
      environment: tools.environment,
      diskCeiling: tools.diskCeiling,
      memoryRegime: tools.memoryRegime,
      targetRatePerSecond,
      warmup: this.warmup,
      intervals,
      phases,
      measuredPhase,
      delivery,
      rateFinding: this.rateFinding,
      backlog: this.backlog,
      errorTexts: summed(summaries.map(({ errorTexts }) => errorTexts)),
      verdict,
    };
  }
}

function summed(tables: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [text, count] of tables.flatMap((table) => Object.entries(table))) sums[text] = (sums[text] ?? 0) + count;
  return sums;
}

/** A lane belongs to a producer of one topic; who subscribes to that topic must see it. */
function groupsByLane({ producerLoads, consumerLoads }: RunPlan): (lane: number) => readonly string[] {
  const groups = new Map<string, Set<string>>();
  for (const { topics, group } of consumerLoads.flatMap(({ consumers }) => consumers))
    for (const topic of topics) groups.set(topic, (groups.get(topic) ?? new Set()).add(group));
  const producers = producerLoads.flatMap((load) => load.producers);
  const lanes = producers.map(({ topic, firstLane }) => ({ topic, firstLane })).sort((a, b) => a.firstLane - b.firstLane);
  return (lane) => {
    const owner = lanes.findLast(({ firstLane }) => firstLane <= lane);
    return owner === undefined ? [] : [...(groups.get(owner.topic) ?? [])];
  };
}
