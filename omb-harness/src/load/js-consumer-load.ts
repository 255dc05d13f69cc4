// Consumers in this process, over any JsClient: checks every stamp, times the way through. Owner: the thread that opened it.
// Hot.

import type { Clock } from '../contracts/clock.ts';
import type { JsClient, OnRecord } from '../contracts/js-client.ts';
import type { LoadEvents, LoadHandle, LoadSummary } from '../contracts/load-handle.ts';
import type { LoadPlan } from '../contracts/load-plan.ts';
import type { Phase } from '../contracts/phase.ts';
import { phaseAt } from '../stats/schedule.ts';
import { HeldConsumer } from './held-consumer.ts';
import { LoadMeter } from './load-meter.ts';
import { readStamp, type Stamp } from './record-stamp.ts';
import { SequenceSet } from './sequence-set.ts';
import { threadCpuUs } from './thread-cpu.ts';

/** The highest so far. */
interface Reached {
  sequence: number;
  offset: number | bigint;
}

/** One group's view of one lane. */
interface Seen {
  readonly group: string;
  readonly lane: number;
  readonly sequences: SequenceSet;
  /** By partition: with lanes by producer a lane is spread over partitions. */
  readonly reached: Map<number, Reached>;
}

export class JsConsumerLoad implements LoadHandle {
  readonly workerId: number;
  private readonly plan: LoadPlan;
  private readonly client: JsClient;
  private readonly clock: Clock;
  private readonly events: LoadEvents;
  private readonly meter: LoadMeter;
  private readonly phases: Phase[] = [];
  private readonly consumers: HeldConsumer[] = [];
  private readonly seen = new Map<string, Map<number, Seen>>();
  private readonly stamp: Stamp = { runId: 0, lane: 0, sequence: 0, sendDelayNs: 0, dueNs: 0 };
  private readonly timer: NodeJS.Timeout;

  private constructor(client: JsClient, plan: LoadPlan, events: LoadEvents, clock: Clock) {
    this.workerId = plan.workerId;
    this.client = client;
    this.plan = plan;
    this.clock = clock;
    this.events = events;
    this.meter = new LoadMeter(plan.workerId, clock.nowNs(), threadCpuUs);
    this.timer = setInterval(() => this.report(), plan.intervalMs);
  }

  static async open(client: JsClient, plan: LoadPlan, events: LoadEvents, clock: Clock): Promise<JsConsumerLoad> {
    const load = new JsConsumerLoad(client, plan, events, clock);
    try {
      for (const consumer of plan.consumers) {
        const lanes = load.lanesOf(consumer.group);
        const held = new HeldConsumer(consumer.rateLimitPerSecond, clock);
        const onRecord: OnRecord = (partition, offset, value, stamp) => {
          load.take(consumer.group, lanes, partition, offset, value, stamp);
          held.took();
        };
        held.consumer = await client.consumer(consumer, plan, onRecord, (error) => events.onFailure(error));
        load.consumers.push(held);
        if (plan.startsPaused) held.hold(true);
      }
    } catch (error) {
      clearInterval(load.timer);
      throw error;
    }
    return load;
  }

  announce(phase: Phase): void {
    this.phases.push(phase);
  }

  pause(): Promise<void> {
    for (const consumer of this.consumers) consumer.hold(true);
    return Promise.resolve();
  }

  resume(): Promise<void> {
    for (const consumer of this.consumers) consumer.hold(false);
    return Promise.resolve();
  }

  /** Consumers go on until they are closed: who runs the load knows when all has come. */
  quiesce(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<LoadSummary> {
    clearInterval(this.timer);
    for (const consumer of this.consumers) await consumer.close();
    this.report();
    await this.client.close();
    const lanes = [...this.seen.values()].flatMap((byLane) => [...byLane.values()]);
    return {
      workerId: this.workerId,
      sentLanes: [],
      seenLanes: lanes.map(({ group, lane, sequences }) => ({ group, lane, seen: sequences.ranges })),
      unfinishedByPhase: {},
      errorTexts: {},
      effectiveSettings: this.client.effectiveSettings,
      ignoredSettings: this.client.ignoredSettings,
    };
  }

  private lanesOf(group: string): Map<number, Seen> {
    let lanes = this.seen.get(group);
    if (lanes === undefined) this.seen.set(group, (lanes = new Map()));
    return lanes;
  }

  private take(
    group: string,
    lanes: Map<number, Seen>,
    partition: number,
    offset: number | bigint,
    value: Uint8Array,
    header: Uint8Array | null,
  ): void {
    const now = this.clock.nowNs();
    const { stamp } = this;
    const fault = readStamp(value, header, this.plan.runId, stamp);
    if (fault !== null) {
      // Whose it is cannot be told from bytes that do not add up: the current phase's.
      const phaseId = phaseAt(this.phases, now);
      const foreign = fault === 'foreign' || (this.plan.sharedTopics && stamp.runId !== this.plan.runId);
      this.meter.count(phaseId, foreign ? 'foreign' : 'corrupt');
      if (foreign) this.meter.count(phaseId, 'foreignBytes', value.length);
      return;
    }
    const phaseId = phaseAt(this.phases, stamp.dueNs);
    let lane = lanes.get(stamp.lane);
    if (lane === undefined) lanes.set(stamp.lane, (lane = { group, lane: stamp.lane, sequences: new SequenceSet(), reached: new Map() }));
    let reached = lane.reached.get(partition);
    if (reached === undefined) lane.reached.set(partition, (reached = { sequence: -1, offset: -1 }));
    const fresh = lane.sequences.add(stamp.sequence);
    if (!fresh && offset <= reached.offset) {
      // A group that divided its partitions anew goes on at what it had committed: no second copy in the log, the first again.
      this.meter.count(phaseId, 'redelivered');
      return;
    }
    this.meter.count(phaseId, 'received');
    this.meter.count(phaseId, 'receivedBytes', value.length);
    this.meter.time(phaseId, 'endToEnd', now - stamp.dueNs);
    this.meter.time(phaseId, 'endToEndUncorrected', Math.max(0, now - stamp.dueNs - stamp.sendDelayNs));
    if (!fresh) this.meter.count(phaseId, 'duplicated');
    else if (stamp.sequence < reached.sequence) this.meter.count(phaseId, 'reordered');
    if (stamp.sequence > reached.sequence) reached.sequence = stamp.sequence;
    if (offset > reached.offset) reached.offset = offset;
  }

  private report(): void {
    for (const record of this.meter.takeInterval(this.clock.nowNs())) this.events.onInterval(record);
  }
}
