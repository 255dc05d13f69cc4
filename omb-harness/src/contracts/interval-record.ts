// IntervalRecord: what a load worker counted and timed in one interval, for one phase. Owner: pure; a contract, types only.
//
// Things *completed* in [startNs, endNs) whose *intended* time lies in phase `phaseId`: an interval around a phase's edge
// gives two records. The totals of a phase are the merge of all its records of all workers, those of the drain included;
// percentiles are never averaged.

/** HdrHistogram, V2 compressed, base64 (`HISTF…`): nanoseconds, lowest 1,000, highest 3.6e12, 3 significant digits. */
export type EncodedHistogram = string;

export const latencyKinds = [
  /** Intended time → acknowledged. The headline: a stall of the system or of the client is in it. */
  'publishResponse',
  /** Handed to the client → acknowledged: what OMB calls publish latency. Omits what waited for the client (coordinated omission). */
  'publishUncorrected',
  /** Request written to the socket → its answer: the system's own part. Absent where a client library hides the moment. */
  'publishService',
  /** Intended time → handed to the client: what OMB calls publish delay. Back-pressure and the generator's own lag. */
  'publishDelay',
  /** Intended time → the generator noticed it was due. Only the generator's fault; decides validity. */
  'generatorLag',
  /** Intended time → the consumer has it. The headline of the way through. */
  'endToEnd',
  /** Handed to the client → the consumer has it: OMB's end-to-end latency, but in nanoseconds and with the small ones kept. */
  'endToEndUncorrected',
] as const;

export type LatencyKind = (typeof latencyKinds)[number];

export const counterNames = [
  /** Due by the schedule in this phase. due = handed over + overflowed + still waiting. */
  'due',
  /** Handed to the client. */
  'sent',
  'sentBytes',
  'acked',
  /** Those of them in topics that are read: each subscription is owed them. */
  'owed',
  'errors',
  /** Due, but the bounded client queue was full: never sent. Counted, so that back-pressure omits nothing in silence. */
  'overflowed',
  'received',
  'receivedBytes',
  /** Seen before, in the same group, elsewhere in the log. */
  'duplicated',
  /** The same record of the log again: its group was divided anew and went on at what it had committed. Not in `received`. */
  'redelivered',
  /** Came after a later one of its lane (and partition). */
  'reordered',
  /** A checksum of the stamp or of the body does not match. */
  'corrupt',
  /** Not of this run (existing topics) or without a stamp. */
  'foreign',
  'foreignBytes',
  /** Consumed before it was intended: a clock that is not one host's. Counted, never dropped in silence. */
  'negative',
  /** Batches (produce requests' partitions) acknowledged: records a batch = acked / batches. 0 where it is hidden. */
  'batches',
] as const;

export type CounterName = (typeof counterNames)[number];
export type Counters = Readonly<Record<CounterName, number>>;

export interface IntervalRecord {
  readonly workerId: number;
  readonly phaseId: number;
  /** CLOCK_MONOTONIC, nanoseconds. */
  readonly startNs: number;
  readonly endNs: number;
  readonly counters: Counters;
  /** Only those with samples. */
  readonly latencies: Readonly<Partial<Record<LatencyKind, EncodedHistogram>>>;
  /**
   * CPU time of the worker's busiest thread in this interval, microseconds, without what it only waited for a due time in a loop:
   * own core above 85 % makes a run INVALID.
   */
  readonly generatorCpuUs: number;
}
