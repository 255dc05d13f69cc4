// The engine's side of a reactor in tests: drains completions every tick and keeps what they said.

import { Cq, CQ_SLOT_WORDS, CqField, Ctl, Desc, DESC_WORDS, Frame } from '../../../src/engine/io/tick-layout.ts';
import type { Reactor } from '../../../src/net/reactor/reactor.ts';
import type { ChangeSignal } from './change-signal.ts';

export interface SeenFrame {
  readonly conn: number;
  readonly generation: number;
  readonly status: number;
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly acks: number;
  readonly timeoutMs: number;
  readonly txnId: string | null;
  readonly descFirst: number;
  readonly block: number;
  /** Where the bytes lie while the tick (or a RETAIN) holds them. */
  readonly offset: number;
  readonly bytes: Buffer;
  readonly entries: readonly SeenEntry[];
  readonly tick: number;
}

export interface SeenEntry {
  readonly topic: Buffer;
  readonly topicIsId: boolean;
  readonly topicHash: number;
  readonly topicStart: number;
  readonly topicPartitions: number;
  readonly partition: number;
  readonly status: number;
  /** null when RECORDS_LENGTH is -1. */
  readonly records: Buffer | null;
  readonly words: Int32Array;
  readonly f64: Float64Array;
}

export interface SeenCompletion {
  readonly op: number;
  readonly conn: number;
  readonly generation: number;
  readonly result: number;
  readonly ticket: number;
  readonly tick: number;
}

export class TickRecorder {
  readonly frames: SeenFrame[] = [];
  /** All but frames, in order. */
  readonly completions: SeenCompletion[] = [];
  /** Kinds in the order they came, frames too. */
  readonly order: number[] = [];
  ticks = 0;
  onFrame: ((frame: SeenFrame) => void) | null = null;
  onCompletion: ((completion: SeenCompletion) => void) | null = null;
  /** At the start of a tick, before anything is drained. */
  onTickStart: (() => void) | null = null;
  onTickEnd: (() => void) | null = null;
  private readonly reactor: Reactor;
  private readonly signal: ChangeSignal;

  constructor(reactor: Reactor, signal: ChangeSignal) {
    this.reactor = reactor;
    this.signal = signal;
  }

  tick(): void {
    const { cq, ctl } = this.reactor;
    this.ticks++;
    this.onTickStart?.();
    for (let next = 0; next < ctl[Ctl.CQ_COUNT]!; next++) {
      const slot = next * CQ_SLOT_WORDS;
      const op = cq[slot + CqField.OP]!;
      this.order.push(op);
      if (op === Cq.FRAME) this.seeFrame(slot);
      else this.see(slot, op);
    }
    ctl[Ctl.CQ_COUNT] = 0;
    this.onTickEnd?.();
    this.signal.notify();
  }

  of(op: number): SeenCompletion[] {
    return this.completions.filter((completion) => completion.op === op);
  }

  results(op: number, ticket: number): number[] {
    return this.of(op)
      .filter((completion) => completion.ticket === ticket)
      .map((completion) => completion.result);
  }

  closedResult(conn: number, generation: number): number | undefined {
    return this.of(Cq.CLOSED).find((seen) => seen.conn === conn && seen.generation === generation)?.result;
  }

  private see(slot: number, op: number): void {
    const { cq } = this.reactor;
    const completion: SeenCompletion = {
      op,
      conn: cq[slot + CqField.CONN]!,
      generation: cq[slot + CqField.GENERATION]!,
      result: cq[slot + CqField.RESULT]!,
      ticket: cq[slot + CqField.TICKET]!,
      tick: this.ticks,
    };
    this.completions.push(completion);
    this.onCompletion?.(completion);
  }

  private seeFrame(slot: number): void {
    const { cq } = this.reactor;
    const offset = cq[slot + Frame.OFFSET]!;
    const txnLength = cq[slot + Frame.TXN_ID_LENGTH]!;
    const descFirst = cq[slot + Frame.DESC_FIRST]!;
    const entries = Array.from({ length: cq[slot + Frame.DESC_COUNT]! }, (_, i) => this.entry(descFirst + i));
    const frame: SeenFrame = {
      conn: cq[slot + Frame.CONN]!,
      generation: cq[slot + Frame.GENERATION]!,
      status: cq[slot + Frame.STATUS]!,
      apiKey: cq[slot + Frame.API_KEY]!,
      apiVersion: cq[slot + Frame.API_VERSION]!,
      correlationId: cq[slot + Frame.CORRELATION_ID]!,
      acks: cq[slot + Frame.ACKS]!,
      timeoutMs: cq[slot + Frame.TIMEOUT_MS]!,
      txnId: txnLength < 0 ? null : this.copy(cq[slot + Frame.TXN_ID_OFFSET]!, txnLength).toString(),
      descFirst,
      block: cq[slot + Frame.BLOCK]!,
      offset,
      bytes: this.copy(offset, cq[slot + Frame.LENGTH]!),
      entries,
      tick: this.ticks,
    };
    this.frames.push(frame);
    this.onFrame?.(frame);
  }

  private entry(index: number): SeenEntry {
    const d = index * DESC_WORDS;
    const words = this.reactor.desc.slice(d, d + DESC_WORDS);
    const topicLength = words[Desc.TOPIC_LENGTH]!;
    const recordsLength = words[Desc.RECORDS_LENGTH]!;
    return {
      topic: this.copy(words[Desc.TOPIC_OFFSET]!, topicLength < 0 ? 16 : topicLength),
      topicIsId: topicLength < 0,
      topicHash: words[Desc.TOPIC_HASH]!,
      topicStart: words[Desc.TOPIC_START]!,
      topicPartitions: words[Desc.TOPIC_PARTITIONS]!,
      partition: words[Desc.PARTITION]!,
      status: words[Desc.STATUS]!,
      records: recordsLength < 0 ? null : this.copy(words[Desc.RECORDS_OFFSET]!, recordsLength),
      words,
      f64: this.reactor.descF64.slice(d / 2, (d + DESC_WORDS) / 2),
    };
  }

  private copy(offset: number, length: number): Buffer {
    return Buffer.from(this.reactor.arena.slice(offset, offset + length));
  }
}
