// What a shard's counters say, taken from the shared memory by another thread. Owner: the reading thread; the shard goes on
// meanwhile. Not hot: once a scrape.

import {
  API_KEYS_MAX,
  type CounterRegions,
  type CounterRows,
  counterRegions,
  counterRows,
  GROUP_NAME_BYTES_MAX,
  GROUP_STATES,
  GroupCell,
  Histogram,
  HISTOGRAM_BUCKETS,
  HISTOGRAM_CELLS,
  OffsetCell,
  PartitionCell,
  ShardCell,
  TopicCell,
  VERSION_WORD,
} from './counter-layout.ts';
import { uuidFromBytes, ZERO_UUID } from './uuid.ts';

export interface HistogramReading {
  /** Of histogramBound(i) at i: observations in the bucket. */
  readonly buckets: Float64Array;
  readonly count: number;
  readonly sum: number;
}

export interface TopicReading {
  readonly topicId: string;
  readonly bytesIn: number;
  readonly recordsIn: number;
  readonly batchesIn: number;
  readonly bytesOut: number;
  readonly produces: number;
  readonly producesFailed: number;
  readonly fetches: number;
  readonly fetchesFailed: number;
}

export interface PartitionReading {
  readonly topicId: string;
  readonly index: number;
  readonly startOffset: number;
  readonly durableOffset: number;
  readonly highWatermark: number;
  readonly endOffset: number;
  readonly sizeBytes: number;
  readonly segments: number;
  readonly failed: boolean;
}

interface GroupReading {
  readonly groupId: string;
  readonly state: string;
  readonly members: number;
  readonly generation: number;
  readonly offsets: readonly { readonly topicId: string; readonly index: number; readonly offset: number }[];
}

export interface ShardReading {
  /** Wall-clock time of the last statement; 0 before the first. */
  readonly writtenWallMs: number;
  readonly connections: number;
  readonly connectionsAccepted: number;
  readonly connectionsRefused: number;
  readonly syncFailures: number;
  readonly segmentsRecycled: number;
  readonly readsFile: number;
  readonly readsMemory: number;
  /** Null where the reactor does not know. */
  readonly readsCold: number | null;
  readonly readsAhead: number;
  readonly tickRing: Fill;
  readonly mailRing: Fill & { readonly full: number };
  readonly arena: Fill;
  /** What waits for the disk in the arena of managed logs; rounds that read no sockets because appends waited for it; times that the shard waited. */
  readonly managedArena: Fill & { readonly stops: number; readonly waits: number };
  readonly untold: number;
  readonly statementMs: number;
  readonly tickUs: HistogramReading;
  readonly commitUs: HistogramReading;
  readonly commitBytes: HistogramReading;
  readonly commitPartitions: HistogramReading;
  readonly syncUs: HistogramReading;
  /** By API key, of those asked so far. */
  readonly requestUs: ReadonlyMap<number, HistogramReading>;
  readonly topics: readonly TopicReading[];
  readonly partitions: readonly PartitionReading[];
  readonly groups: readonly GroupReading[];
}

interface Fill {
  readonly used: number;
  readonly size: number;
}

/** A statement is written in far less than a millisecond, once a second: twice in a row is rare, this often a broken one. */
const TRIES_MAX = 1000;

/** @returns null when the shard died in the midst of a statement */
export function readShard(memory: SharedArrayBuffer): ShardReading | null {
  const words = new Int32Array(memory);
  const shared = new Float64Array(memory);
  const rows = counterRows(shared);
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const version = Atomics.load(words, VERSION_WORD);
    if ((version & 1) === 1) continue;
    const read = new Reader(memory, rows).shard();
    if (Atomics.load(words, VERSION_WORD) === version) return read;
  }
  return null;
}

class Reader {
  private readonly cells: Float64Array;
  private readonly bytes: Uint8Array;
  private readonly rows: CounterRows;
  private readonly regions: CounterRegions;

  constructor(memory: SharedArrayBuffer, rows: CounterRows) {
    this.cells = new Float64Array(memory);
    this.bytes = new Uint8Array(memory);
    this.rows = rows;
    this.regions = counterRegions(rows);
  }

  shard(): ShardReading {
    const cell = (at: number): number => this.cells[at]!;
    const fill = (used: number, size: number): Fill => ({ used: cell(used), size: cell(size) });
    return {
      writtenWallMs: cell(ShardCell.WRITTEN_WALL_MS),
      connections: cell(ShardCell.CONNECTIONS),
      connectionsAccepted: cell(ShardCell.CONNECTIONS_ACCEPTED),
      connectionsRefused: cell(ShardCell.CONNECTIONS_REFUSED),
      syncFailures: cell(ShardCell.SYNC_FAILURES),
      segmentsRecycled: cell(ShardCell.SEGMENTS_RECYCLED),
      readsFile: cell(ShardCell.READS_FILE),
      readsMemory: cell(ShardCell.READS_MEMORY),
      readsCold: cell(ShardCell.READS_COLD) < 0 ? null : cell(ShardCell.READS_COLD),
      readsAhead: cell(ShardCell.READS_AHEAD),
      tickRing: fill(ShardCell.TICK_RING_USED, ShardCell.TICK_RING_SLOTS),
      mailRing: { ...fill(ShardCell.MAIL_RING_USED, ShardCell.MAIL_RING_SLOTS), full: cell(ShardCell.MAIL_RING_FULL) },
      arena: fill(ShardCell.ARENA_USED_BYTES, ShardCell.ARENA_BYTES),
      managedArena: {
        ...fill(ShardCell.MANAGED_UNWRITTEN_BYTES, ShardCell.MANAGED_BYTES),
        stops: cell(ShardCell.MANAGED_STOPS),
        waits: cell(ShardCell.MANAGED_WAITS),
      },
      untold: cell(ShardCell.UNTOLD),
      statementMs: cell(ShardCell.STATEMENT_MS),
      tickUs: this.histogram(Histogram.TICK_US),
      commitUs: this.histogram(Histogram.COMMIT_US),
      commitBytes: this.histogram(Histogram.COMMIT_BYTES),
      commitPartitions: this.histogram(Histogram.COMMIT_PARTITIONS),
      syncUs: this.histogram(Histogram.SYNC_US),
      requestUs: this.requests(),
      topics: this.topics(),
      partitions: this.partitions(),
      groups: this.groups(),
    };
  }

  private histogram(first: number): HistogramReading {
    const buckets = this.cells.slice(first, first + HISTOGRAM_BUCKETS);
    return { buckets, count: buckets.reduce((sum, n) => sum + n, 0), sum: this.cells[first + HISTOGRAM_BUCKETS]! };
  }

  private requests(): Map<number, HistogramReading> {
    const found = new Map<number, HistogramReading>();
    for (let key = 0; key < API_KEYS_MAX; key++) {
      const read = this.histogram(Histogram.REQUEST_US + key * HISTOGRAM_CELLS);
      if (read.count > 0) found.set(key, read);
    }
    return found;
  }

  private topicId(row: number): string {
    return uuidFromBytes(this.bytes, row * Float64Array.BYTES_PER_ELEMENT);
  }

  private topics(): TopicReading[] {
    const found: TopicReading[] = [];
    for (let i = 1; i < this.cells[ShardCell.TOPIC_ROWS]!; i++) {
      const row = this.regions.topics + i * TopicCell.CELLS;
      const topicId = this.topicId(row + TopicCell.ID);
      if (topicId === ZERO_UUID) continue;
      const cell = (at: number): number => this.cells[row + at]!;
      found.push({
        topicId,
        bytesIn: cell(TopicCell.BYTES_IN),
        recordsIn: cell(TopicCell.RECORDS_IN),
        batchesIn: cell(TopicCell.BATCHES_IN),
        bytesOut: cell(TopicCell.BYTES_OUT),
        produces: cell(TopicCell.PRODUCES),
        producesFailed: cell(TopicCell.PRODUCES_FAILED),
        fetches: cell(TopicCell.FETCHES),
        fetchesFailed: cell(TopicCell.FETCHES_FAILED),
      });
    }
    return found;
  }

  private partitions(): PartitionReading[] {
    const found: PartitionReading[] = [];
    const count = Math.min(this.cells[ShardCell.PARTITIONS]!, this.rows.partitions);
    for (let i = 0; i < count; i++) {
      const row = this.regions.partitions + i * PartitionCell.CELLS;
      const cell = (at: number): number => this.cells[row + at]!;
      found.push({
        topicId: this.topicId(row + PartitionCell.ID),
        index: cell(PartitionCell.INDEX),
        startOffset: cell(PartitionCell.START_OFFSET),
        durableOffset: cell(PartitionCell.DURABLE_OFFSET),
        highWatermark: cell(PartitionCell.HIGH_WATERMARK),
        endOffset: cell(PartitionCell.END_OFFSET),
        sizeBytes: cell(PartitionCell.SIZE_BYTES),
        segments: cell(PartitionCell.SEGMENTS),
        failed: cell(PartitionCell.FAILED) === 1,
      });
    }
    return found;
  }

  private groups(): GroupReading[] {
    const offsetsOf = this.offsetsByGroup();
    const found: GroupReading[] = [];
    const count = Math.min(this.cells[ShardCell.GROUPS]!, this.rows.groups);
    for (let i = 0; i < count; i++) {
      const row = this.regions.groups + i * GroupCell.CELLS;
      const name = this.regions.names + i * GROUP_NAME_BYTES_MAX;
      const length = Math.min(this.cells[row + GroupCell.NAME_BYTES]!, GROUP_NAME_BYTES_MAX);
      found.push({
        groupId: Buffer.from(this.bytes.slice(name, name + length)).toString(),
        state: GROUP_STATES[this.cells[row + GroupCell.STATE]!] ?? 'Dead',
        members: this.cells[row + GroupCell.MEMBERS]!,
        generation: this.cells[row + GroupCell.GENERATION]!,
        offsets: offsetsOf.get(i) ?? [],
      });
    }
    return found;
  }

  private offsetsByGroup(): Map<number, GroupReading['offsets'][number][]> {
    const found = new Map<number, GroupReading['offsets'][number][]>();
    const count = Math.min(this.cells[ShardCell.OFFSETS]!, this.rows.offsets);
    for (let i = 0; i < count; i++) {
      const row = this.regions.offsets + i * OffsetCell.CELLS;
      const group = this.cells[row + OffsetCell.GROUP]!;
      const offset = {
        topicId: this.topicId(row + OffsetCell.ID),
        index: this.cells[row + OffsetCell.INDEX]!,
        offset: this.cells[row + OffsetCell.OFFSET]!,
      };
      const others = found.get(group);
      if (others === undefined) found.set(group, [offset]);
      else others.push(offset);
    }
    return found;
  }
}
