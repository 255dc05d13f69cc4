// Producers in this process, over any JsClient: sends by the schedule, stamps, times. Owner: the thread that opened it. Hot.
//
// The loop never skips and never moves a due time. A record that is due while the client has no room waits here; more than
// `queueRecordsMax` waiting are counted as overflowed. That wait is back-pressure; being late to notice is the generator's
// own lag: two histograms.

import type { Clock } from '../contracts/clock.ts';
import type { JsClient, JsProducer, RecordOutcome } from '../contracts/js-client.ts';
import type { LoadEvents, LoadHandle, LoadSummary } from '../contracts/load-handle.ts';
import type { LoadPlan } from '../contracts/load-plan.ts';
import type { Phase } from '../contracts/phase.ts';
import { Schedule } from '../stats/schedule.ts';
import { keySource } from './key-pool.ts';
import { LoadMeter } from './load-meter.ts';
import { bodyChecksum, STAMP_BYTES, writeStamp } from './record-stamp.ts';
import { SequenceSet } from './sequence-set.ts';
import { threadCpuUs } from './thread-cpu.ts';

/** Due times looked at in one turn of the loop, so that answers are read in between. */
const TURN_RECORDS_MAX = 1000;
/** Nearer than this the loop spins through setImmediate; farther it sleeps: timers are a millisecond or two late. */
const SPIN_NS = 3_000_000;
const SLEEP_MAX_NS = 20_000_000;

interface Waiting {
  readonly dueNs: number;
  readonly phaseId: number;
}

interface Lane {
  readonly id: number;
  next: number;
  readonly confirmed: SequenceSet;
}

interface Source {
  readonly producer: JsProducer;
  readonly firstLane: number;
  readonly isRead: boolean;
  readonly key: () => Uint8Array | null;
  batchesSeen: number;
}

export class JsProducerLoad implements LoadHandle {
  readonly workerId: number;
  private readonly plan: LoadPlan;
  private readonly clock: Clock;
  private readonly client: JsClient;
  private readonly events: LoadEvents;
  private readonly schedule: Schedule;
  private readonly meter: LoadMeter;
  private readonly pool: readonly { readonly bytes: Buffer; readonly checksum: number }[];
  private readonly order: readonly number[];
  private readonly sources: Source[] = [];
  private readonly lanes = new Map<number, Lane>();
  private readonly queue: Waiting[] = [];
  private queueHead = 0;
  private readonly unfinished = new Map<number, number>();
  /** Due times of what is in flight, for their ages at the end. */
  private readonly inFlight = new Set<Waiting>();
  private readonly errorTexts = new Map<string, number>();
  private nextSource = 0;
  private nextPayload = 0;
  private stopped = false;
  private intervalEndNs: number;

  private constructor(client: JsClient, plan: LoadPlan, events: LoadEvents, clock: Clock) {
    this.workerId = plan.workerId;
    this.client = client;
    this.plan = plan;
    this.clock = clock;
    this.events = events;
    this.schedule = new Schedule({ index: plan.producerWorkerIndex, count: plan.producerWorkers, seed: plan.seed });
    this.meter = new LoadMeter(plan.workerId, clock.nowNs(), threadCpuUs);
    const inValue = plan.payload.stampIn === 'value';
    this.pool = plan.payload.pool.map((text) => {
      const bytes = Buffer.from(text, 'base64');
      return { bytes, checksum: bodyChecksum(bytes, inValue) };
    });
    this.order = plan.payload.order ?? this.pool.map((_, i) => i);
    this.intervalEndNs = clock.nowNs() + plan.intervalMs * 1e6;
  }

  static async open(client: JsClient, plan: LoadPlan, events: LoadEvents, clock: Clock): Promise<JsProducerLoad> {
    const load = new JsProducerLoad(client, plan, events, clock);
    for (const producerPlan of plan.producers) {
      const producer = await client.producer(producerPlan, plan, (error) => events.onFailure(error));
      const key = keySource(plan.keyDistribution, plan.seed + producerPlan.producerId);
      load.sources.push({ producer, firstLane: producerPlan.firstLane, isRead: producerPlan.isRead, key, batchesSeen: 0 });
    }
    void load.loop().catch((error: unknown) => events.onFailure(error as Error));
    return load;
  }

  announce(phase: Phase): void {
    this.schedule.announce(phase);
  }

  pause(): Promise<void> {
    return Promise.resolve();
  }

  resume(): Promise<void> {
    return Promise.resolve();
  }

  async quiesce(drainMs: number): Promise<void> {
    const untilNs = this.clock.nowNs() + drainMs * 1e6;
    while (this.owes() && !this.stopped && this.clock.nowNs() < untilNs) await this.clock.sleepUntil(this.clock.nowNs() + 1e6);
    this.stopped = true;
    const now = this.clock.nowNs();
    // What a late generator has not noticed was due all the same.
    while (this.schedule.dueNs <= now) this.noticeDue(now);
    for (const { dueNs, phaseId } of [...this.inFlight, ...this.queue.slice(this.queueHead)]) {
      this.unfinished.set(phaseId, (this.unfinished.get(phaseId) ?? 0) + 1);
      // It took at least this long: left out, exactly the worst samples would be missing.
      this.meter.time(phaseId, 'publishResponse', now - dueNs);
    }
    this.inFlight.clear();
    this.queueHead = this.queue.length;
    this.report(now);
  }

  private owes(): boolean {
    return this.inFlight.size > 0 || this.queueHead < this.queue.length || this.schedule.dueNs <= this.clock.nowNs();
  }

  async close(): Promise<LoadSummary> {
    this.stopped = true;
    this.report(this.clock.nowNs());
    for (const { producer } of this.sources) await producer.close();
    await this.client.close();
    return {
      workerId: this.workerId,
      sentLanes: [...this.lanes.values()].map(({ id, next, confirmed }) => ({
        lane: id,
        sentTo: next,
        unconfirmed: gapsOf(confirmed, next),
      })),
      seenLanes: [],
      unfinishedByPhase: Object.fromEntries(this.unfinished),
      errorTexts: Object.fromEntries(this.errorTexts),
      effectiveSettings: this.client.effectiveSettings,
      ignoredSettings: this.client.ignoredSettings,
    };
  }

  private async loop(): Promise<void> {
    while (!this.stopped) {
      const now = this.clock.nowNs();
      this.noticeDue(now);
      this.sendWaiting();
      if (now >= this.intervalEndNs) {
        this.report(now);
        this.intervalEndNs += this.plan.intervalMs * 1e6;
      }
      const ahead = this.schedule.dueNs - this.clock.nowNs();
      if (ahead > SPIN_NS && this.queueHead === this.queue.length)
        await this.clock.sleepUntil(this.clock.nowNs() + Math.min(SLEEP_MAX_NS, ahead - SPIN_NS));
      else await new Promise(setImmediate);
    }
  }

  private noticeDue(nowNs: number): void {
    for (let i = 0; i < TURN_RECORDS_MAX && this.schedule.dueNs <= nowNs; i++) {
      const { dueNs, phaseId } = this.schedule;
      this.schedule.advance();
      this.meter.count(phaseId, 'due');
      this.meter.time(phaseId, 'generatorLag', nowNs - dueNs);
      if (this.queue.length - this.queueHead >= this.plan.queueRecordsMax) this.meter.count(phaseId, 'overflowed');
      else this.queue.push({ dueNs, phaseId });
    }
  }

  private sendWaiting(): void {
    while (this.queueHead < this.queue.length) {
      const source = this.sourceWithRoom();
      if (source === null) break;
      this.send(source, this.queue[this.queueHead++]!);
    }
    if (this.queueHead === this.queue.length || this.queueHead > 10_000) {
      this.queue.splice(0, this.queueHead);
      this.queueHead = 0;
    }
  }

  private sourceWithRoom(): Source | null {
    for (let i = 0; i < this.sources.length; i++) {
      const source = this.sources[this.nextSource++ % this.sources.length]!;
      if (source.producer.room > 0) return source;
    }
    return null;
  }

  private send({ producer, firstLane, isRead, key: nextKey }: Source, waiting: Waiting): void {
    const { dueNs, phaseId } = waiting;
    const key = nextKey();
    const partition = producer.partitionFor(key);
    const lane = this.lane(firstLane + (this.plan.lanes === 'partition' ? partition : 0));
    const sequence = lane.next++;
    const payload = this.pool[this.order[this.nextPayload++ % this.order.length]!]!;
    const sentNs = this.clock.nowNs();
    const inValue = this.plan.payload.stampIn === 'value';
    const value = inValue ? Buffer.from(payload.bytes) : payload.bytes;
    const stamp = inValue ? value : Buffer.allocUnsafe(STAMP_BYTES);
    writeStamp(stamp, { runId: this.plan.runId, lane: lane.id, sequence, sendDelayNs: sentNs - dueNs, dueNs }, payload.checksum);
    this.meter.count(phaseId, 'sent');
    this.meter.count(phaseId, 'sentBytes', value.length);
    this.meter.time(phaseId, 'publishDelay', sentNs - dueNs);
    this.inFlight.add(waiting);
    producer.send({ key, value, stamp: inValue ? null : stamp }, partition, (outcome) => {
      if (this.inFlight.delete(waiting)) this.finish(outcome, waiting, sentNs, lane, sequence, isRead);
    });
  }

  private finish(
    { error, writtenNs }: RecordOutcome,
    { dueNs, phaseId }: Waiting,
    sentNs: number,
    lane: Lane,
    sequence: number,
    isRead: boolean,
  ): void {
    const now = this.clock.nowNs();
    this.meter.time(phaseId, 'publishResponse', now - dueNs);
    if (error !== null) {
      this.meter.count(phaseId, 'errors');
      this.errorTexts.set(error.message, (this.errorTexts.get(error.message) ?? 0) + 1);
      return;
    }
    lane.confirmed.add(sequence);
    this.meter.count(phaseId, 'acked');
    if (isRead) this.meter.count(phaseId, 'owed');
    this.meter.time(phaseId, 'publishUncorrected', now - sentNs);
    if (writtenNs !== null) this.meter.time(phaseId, 'publishService', now - writtenNs);
  }

  private lane(id: number): Lane {
    let lane = this.lanes.get(id);
    if (lane === undefined) this.lanes.set(id, (lane = { id, next: 0, confirmed: new SequenceSet() }));
    return lane;
  }

  private report(nowNs: number): void {
    for (const source of this.sources) {
      const fresh = source.producer.batches - source.batchesSeen;
      source.batchesSeen += fresh;
      if (fresh > 0) this.meter.count(this.schedule.currentPhaseId, 'batches', fresh);
    }
    for (const record of this.meter.takeInterval(nowNs)) this.events.onInterval(record);
  }
}

/** Sequences below `to` that are not in the set. */
function gapsOf(set: SequenceSet, to: number): [number, number][] {
  const gaps: [number, number][] = [];
  let from = 0;
  for (const [start, end] of set.ranges) {
    if (start > from) gaps.push([from, start]);
    from = end;
  }
  if (from < to) gaps.push([from, to]);
  return gaps;
}
