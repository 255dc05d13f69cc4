// What a shard counts while it works, in shared memory that the supervisor reads without asking it. Owner: the shard's
// thread, the only writer. @hot: stores into typed arrays, nothing is allocated.

import {
  allocateCounters,
  API_KEYS_MAX,
  type CounterRegions,
  type CounterRows,
  counterRegions,
  counterRows,
  Histogram,
  histogramBucket,
  HISTOGRAM_BUCKETS,
  HISTOGRAM_CELLS,
  ShardCell,
  TopicCell,
} from './counter-layout.ts';

const NO_ROWS: CounterRows = { topics: 1, partitions: 0, offsets: 0, groups: 0 };
const LARGEST = 2 ** 31 - 1;

export class ShardCounters {
  readonly cells: Float64Array;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  /** Microseconds of a clock that wraps as int32: only differences mean something, see elapsedUs(). */
  tickBeganUs = 0;
  readonly rows: CounterRows;
  readonly regions: CounterRegions;
  private readonly freeTopicRows: number[] = [];
  private nextTopicRow: number;

  /** @param memory of allocateCounters(); without, topics are counted as one and no statement can be made */
  constructor(memory: SharedArrayBuffer = allocateCounters(NO_ROWS)) {
    this.cells = new Float64Array(memory);
    this.bytes = new Uint8Array(memory);
    this.words = new Int32Array(memory);
    this.rows = counterRows(this.cells);
    this.regions = counterRegions(this.rows);
    this.nextTopicRow = this.regions.topics + TopicCell.CELLS;
  }

  add(cell: number, amount: number): void {
    this.cells[cell] = this.cells[cell]! + amount;
  }

  set(cell: number, value: number): void {
    this.cells[cell] = value;
  }

  /**
   * Numbers of 2^31 and more count as the greatest there is.
   * @param first of Histogram
   * @param whole a whole number: another would be an object, where the call is not inlined
   */
  observe(first: number, whole: number): void {
    const { cells } = this;
    const value = whole < 0 ? LARGEST : whole;
    const bucket = first + histogramBucket(value);
    cells[bucket] = cells[bucket]! + 1;
    cells[first + HISTOGRAM_BUCKETS] = cells[first + HISTOGRAM_BUCKETS]! + value;
  }

  /** An answer left `tookUs` after its request came. */
  observeRequest(apiKey: number, tookUs: number): void {
    if (apiKey >= 0 && apiKey < API_KEYS_MAX) this.observe(Histogram.REQUEST_US + apiKey * HISTOGRAM_CELLS, tookUs);
  }

  /** From a tick's beginning to that of this one. */
  elapsedUs(sinceUs: number): number {
    return (this.tickBeganUs - sinceUs) | 0;
  }

  /** The first cell of a topic's row: the one of its own, or the one of all that found none. */
  takeTopicRow(idBytes: Uint8Array): number {
    const end = this.regions.topics + this.rows.topics * TopicCell.CELLS;
    const row = this.freeTopicRows.pop() ?? this.nextTopicRow;
    if (row >= end) return this.regions.topics;
    if (row === this.nextTopicRow) {
      this.nextTopicRow += TopicCell.CELLS;
      this.cells[ShardCell.TOPIC_ROWS] = (this.nextTopicRow - this.regions.topics) / TopicCell.CELLS;
    }
    this.bytes.set(idBytes, (row + TopicCell.ID) * Float64Array.BYTES_PER_ELEMENT);
    return row;
  }

  /** The topic is gone, and what it has counted with it. */
  giveTopicRow(row: number): void {
    if (row === this.regions.topics) return;
    this.cells.fill(0, row, row + TopicCell.CELLS);
    this.freeTopicRows.push(row);
  }

  /** A batch was given its place in a log of the topic. */
  appended(topicRow: number, lengthBytes: number, recordCount: number): void {
    const { cells } = this;
    cells[topicRow + TopicCell.BYTES_IN] = cells[topicRow + TopicCell.BYTES_IN]! + lengthBytes;
    cells[topicRow + TopicCell.RECORDS_IN] = cells[topicRow + TopicCell.RECORDS_IN]! + recordCount;
    cells[topicRow + TopicCell.BATCHES_IN] = cells[topicRow + TopicCell.BATCHES_IN]! + 1;
  }

  /** A partition of a Produce was answered. */
  produced(topicRow: number, failed: boolean): void {
    this.add(topicRow + TopicCell.PRODUCES, 1);
    if (failed) this.add(topicRow + TopicCell.PRODUCES_FAILED, 1);
  }

  /** A partition of a Fetch was answered. */
  fetched(topicRow: number, lengthBytes: number, failed: boolean): void {
    this.add(topicRow + TopicCell.FETCHES, 1);
    if (lengthBytes > 0) this.add(topicRow + TopicCell.BYTES_OUT, lengthBytes);
    if (failed) this.add(topicRow + TopicCell.FETCHES_FAILED, 1);
  }
}
