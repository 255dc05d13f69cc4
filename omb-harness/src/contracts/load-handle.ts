// LoadHandle: a running set of producers or consumers, wherever they run. Owner: the thread that opened it; a contract.

import type { IntervalRecord } from './interval-record.ts';
import type { Phase } from './phase.ts';

/** Sequences [from, to). */
export type SequenceRange = readonly [from: number, to: number];

/** What a producer says of a lane when it has stopped. */
export interface SentLane {
  readonly lane: number;
  /** Sequences 0 … sentTo - 1 were handed to the client. */
  readonly sentTo: number;
  /** Of those, not acknowledged: failed or unfinished. They may or may not be in the log, so missing them is no loss. */
  readonly unconfirmed: readonly SequenceRange[];
}

/** What a group's consumers in one worker say of a lane. */
export interface SeenLane {
  readonly group: string;
  readonly lane: number;
  /** Sorted, disjoint. */
  readonly seen: readonly SequenceRange[];
}

export interface LoadSummary {
  readonly workerId: number;
  readonly sentLanes: readonly SentLane[];
  readonly seenLanes: readonly SeenLane[];
  /** Due, not overflowed, and neither acknowledged nor failed at the end; their ages are in publishResponse as lower bounds. */
  readonly unfinishedByPhase: Readonly<Record<number, number>>;
  /** The first few errors in words, with how often each. */
  readonly errorTexts: Readonly<Record<string, number>>;
  /** Settings as this client really uses them, and those it was given but does not know. */
  readonly effectiveSettings: Readonly<Record<string, string>>;
  readonly ignoredSettings: readonly string[];
}

export interface LoadEvents {
  onInterval(record: IntervalRecord): void;
  /** The load cannot go on (every connection lost, worker died). The run ends INVALID with what there is. */
  onFailure(error: Error): void;
}

export interface LoadHandle {
  readonly workerId: number;
  /** Announce a phase. Producers send by it; consumers need it to attribute what they see. */
  announce(phase: Phase): void;
  /** Consumers stop taking records (backlog build). They stay members of their groups. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /**
   * Send all that is due by the phases' ends; resolves when it is answered or `drainMs` has passed. Then nothing more is sent:
   * what was due and is unanswered, sent or not, is unfinished.
   */
  quiesce(drainMs: number): Promise<void>;
  /** Last interval records are reported before this resolves. The handle is of no use after. */
  close(): Promise<LoadSummary>;
}
