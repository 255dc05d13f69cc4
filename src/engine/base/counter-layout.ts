// Where a shard's numbers stand in the memory that it shares with the supervisor's thread. Owner: constants.
//
// Every cell is a float64: a store of one is whole, so a reader needs nothing to see a good number. What must fit together
// (the statement: partitions, groups, gauges of the moment) is rewritten about once a second between two steps of VERSION,
// odd while it is being written; a reader that finds VERSION changed reads again.
//
//   header │ shard cells │ histograms │ topic rows (live) │ partition rows │ offset rows │ group rows │ group names

/** Int32 word of the header: even when the statement is whole. */
export const VERSION_WORD = 0;

/** Header cells: how many rows there is room for. */
const Capacity = { TOPICS: 1, PARTITIONS: 2, OFFSETS: 3, GROUPS: 4, CELLS: 8 } as const;

/** One number each, of the whole shard. */
export const ShardCell = {
  // Live.
  CONNECTIONS: 9,
  CONNECTIONS_ACCEPTED: 10,
  /** Closed for a reason of the client's making. */
  CONNECTIONS_REFUSED: 11,
  /** Rounds of syncs of segments that failed. */
  SYNC_FAILURES: 13,
  /** Reads sent from files, and from what was received in the same tick. */
  READS_FILE: 14,
  READS_MEMORY: 15,
  /** Most completions that one tick found, since the last statement. */
  COMPLETIONS_MAX: 16,
  /** Topic rows that were ever given out, row 0 included. */
  TOPIC_ROWS: 17,
  /** Managed segments that began in a deleted one's file. */
  SEGMENTS_RECYCLED: 18,
  // Of the statement.
  WRITTEN_WALL_MS: 32,
  /** Most completions that one tick found, in the second before the statement; and what the ring holds. */
  TICK_RING_USED: 33,
  TICK_RING_SLOTS: 34,
  /** Slots in use of the fullest ring to another thread, and what such a ring holds; and claims that found one full. */
  MAIL_RING_USED: 35,
  MAIL_RING_SLOTS: 36,
  MAIL_RING_FULL: 37,
  ARENA_USED_BYTES: 38,
  ARENA_BYTES: 39,
  /** Reads for which the disk was waited for; -1 where the reactor does not know. */
  READS_COLD: 40,
  /** Rows used; what found none is counted in UNTOLD. */
  PARTITIONS: 41,
  OFFSETS: 42,
  GROUPS: 43,
  UNTOLD: 44,
  /** How long writing the statement took. */
  STATEMENT_MS: 45,
  /** Of the arena of managed logs: what waits for the disk, its size, rounds that read no sockets because appends waited
   *  for it (of this shard or of one they were passed on to), and times that the shard itself waited for a write. */
  MANAGED_UNWRITTEN_BYTES: 46,
  MANAGED_BYTES: 47,
  MANAGED_STOPS: 48,
  MANAGED_WAITS: 50,
  /** Parts of history that found their bytes read ahead. */
  READS_AHEAD: 49,
  END: 64,
} as const;

/** Two buckets an octave of a whole number below 2^32, then the sum. */
export const HISTOGRAM_BUCKETS = 64;
export const HISTOGRAM_CELLS = HISTOGRAM_BUCKETS + 1;
/** Kafka's API keys lie below. */
export const API_KEYS_MAX = 96;

const histogram = (index: number): number => ShardCell.END + index * HISTOGRAM_CELLS;

/** First cell of each histogram. Times are in microseconds. */
export const Histogram = {
  TICK_US: histogram(0),
  COMMIT_US: histogram(1),
  COMMIT_BYTES: histogram(2),
  /** Partitions that one record of the commit journal makes durable. */
  COMMIT_PARTITIONS: histogram(3),
  SYNC_US: histogram(4),
  /** From a request's frame to its answer, by API key. */
  REQUEST_US: histogram(5),
  END: histogram(5 + API_KEYS_MAX),
} as const;

/** Live, one a topic, whichever shard leads its partitions. Row 0 is of topics that found no row. */
export const TopicCell = {
  ID: 0,
  BYTES_IN: 2,
  RECORDS_IN: 3,
  BATCHES_IN: 4,
  BYTES_OUT: 5,
  PRODUCES: 6,
  PRODUCES_FAILED: 7,
  FETCHES: 8,
  FETCHES_FAILED: 9,
  CELLS: 10,
} as const;

export const PartitionCell = {
  ID: 0,
  INDEX: 2,
  START_OFFSET: 3,
  DURABLE_OFFSET: 4,
  HIGH_WATERMARK: 5,
  END_OFFSET: 6,
  SIZE_BYTES: 7,
  SEGMENTS: 8,
  /** 1: no append is taken any more. */
  FAILED: 9,
  CELLS: 10,
} as const;

/** An offset that a group has committed. */
export const OffsetCell = { ID: 0, INDEX: 2, GROUP: 3, OFFSET: 4, CELLS: 5 } as const;

export const GroupCell = { STATE: 0, MEMBERS: 1, GENERATION: 2, NAME_BYTES: 3, CELLS: 4 } as const;
/** Longer names find no row. */
export const GROUP_NAME_BYTES_MAX = 512;

/** Of GroupCell.STATE, by number. */
export const GROUP_STATES = ['Empty', 'PreparingRebalance', 'CompletingRebalance', 'Stable', 'Dead'] as const;

export interface CounterRows {
  readonly topics: number;
  readonly partitions: number;
  readonly offsets: number;
  readonly groups: number;
}

/** First cells of the rows, and the size of it all. */
export interface CounterRegions {
  readonly topics: number;
  readonly partitions: number;
  readonly offsets: number;
  readonly groups: number;
  /** In bytes. */
  readonly names: number;
  readonly sizeBytes: number;
}

export function counterRegions(rows: CounterRows): CounterRegions {
  const topics = Histogram.END;
  const partitions = topics + rows.topics * TopicCell.CELLS;
  const offsets = partitions + rows.partitions * PartitionCell.CELLS;
  const groups = offsets + rows.offsets * OffsetCell.CELLS;
  const names = (groups + rows.groups * GroupCell.CELLS) * Float64Array.BYTES_PER_ELEMENT;
  return { topics, partitions, offsets, groups, names, sizeBytes: names + rows.groups * GROUP_NAME_BYTES_MAX };
}

/** Address space, not memory: pages that nothing was written to are not there. */
const ROWS: CounterRows = { topics: 8192, partitions: 32_768, offsets: 32_768, groups: 2048 };

export function allocateCounters(rows: CounterRows = ROWS): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(counterRegions(rows).sizeBytes);
  const cells = new Float64Array(memory, 0, Capacity.CELLS);
  cells[Capacity.TOPICS] = rows.topics;
  cells[Capacity.PARTITIONS] = rows.partitions;
  cells[Capacity.OFFSETS] = rows.offsets;
  cells[Capacity.GROUPS] = rows.groups;
  return memory;
}

/** As the memory's header says. */
export function counterRows(cells: Float64Array): CounterRows {
  return {
    topics: cells[Capacity.TOPICS]!,
    partitions: cells[Capacity.PARTITIONS]!,
    offsets: cells[Capacity.OFFSETS]!,
    groups: cells[Capacity.GROUPS]!,
  };
}

/** The bucket of a whole number from 0 to 2^32 - 1. */
export function histogramBucket(value: number): number {
  const below = value - 1;
  if (below < 2) return below < 1 ? 0 : 1;
  const octave = 31 - Math.clz32(below);
  return 2 * octave + ((below >>> (octave - 1)) & 1);
}

/** The greatest number of the bucket. */
export function histogramBound(bucket: number): number {
  if (bucket < 2) return bucket + 1;
  const octave = bucket >> 1;
  return (bucket & 1) === 1 ? 2 ** (octave + 1) : 2 ** octave * 1.5;
}
