// LogAccess: record batches in and out of the partitions of this process, for whoever is no Kafka connection: the embedded
// API, an HTTP gateway, tests. Owner: shared words; the calls are made on the supervisor's thread and end on the shard that
// leads the partition. Implemented over rings by workers/caller. Expected failures are Kafka's error codes in the answer;
// a call rejects only with the signal's reason, or when the broker is closed or dead (CallError).

/** As in Produce. */
export const Acks = { NONE: 0, LEADER: 1, ALL: -1 } as const;

export interface AppendAnswer {
  readonly errorCode: number;
  /** Offset of the batch's first record; -1 on errors and with acks=0. */
  readonly baseOffset: number;
  /** -1 unless the topic stamps append time. */
  readonly logAppendTimeMs: number;
  readonly logStartOffset: number;
}

export interface FetchAnswer {
  readonly errorCode: number;
  /**
   * Whole batches as stored, save that the first may begin before the offset asked for and the last may be cut off. Empty when
   * there was nothing within the wait. The caller's own memory.
   */
  readonly records: Uint8Array;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
}

export interface LogAccess {
  /**
   * Append one record batch (magic 2, base offset 0, any codec, with or without a producer id), checked as one that came from
   * a client. The bytes are copied before this returns, or when there is room for them: the caller waits for that.
   */
  produce(topic: string, partition: number, batch: Uint8Array, acks: number, signal?: AbortSignal): Promise<AppendAnswer>;
  /**
   * Read from `offset` on, at least one whole batch if there is one. With nothing there, waits up to `waitMs` for something to
   * be appended; an aborted wait rejects.
   */
  fetch(topic: string, partition: number, offset: number, maxBytes: number, waitMs: number, signal?: AbortSignal): Promise<FetchAnswer>;
}
