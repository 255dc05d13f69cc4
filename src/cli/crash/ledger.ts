// What was sent to the partitions of a topic, in order, and what of it was acked: what the checker judges by.
// Owner: the thread that produces. Not hot.

import { crc32c } from '../../engine/base/crc32c.ts';

export interface SentRecord {
  readonly id: string;
  /** Records of one period stood in line on one producer; a power cut (with acks=0 any crash) begins the next. */
  readonly period: number;
  acked: boolean;
  /** What the ack named; -1 if it named none. */
  offset: number;
}

const encoder = new TextEncoder();

/** Value of a record from its id alone: a checksum and up to 600 characters. */
export function valueOf(id: string): string {
  const bytes = encoder.encode(id);
  const seed = crc32c(bytes, 0, bytes.length) >>> 0;
  return `${id}|${seed.toString(16)}|${seed.toString(36).repeat(4 + (seed % 80))}`;
}

export class Ledger {
  readonly topic: string;
  acked = 0;
  period = 0;
  private readonly partitions: SentRecord[][];

  constructor(topic: string, partitions: number) {
    this.topic = topic;
    this.partitions = Array.from({ length: partitions }, () => []);
  }

  get count(): number {
    return this.partitions.length;
  }

  sent(partition: number): readonly SentRecord[] {
    return this.partitions[partition]!;
  }

  /** Makes up the next `count` records of a partition. */
  next(partition: number, count: number): SentRecord[] {
    const sent = this.partitions[partition]!;
    const { period } = this;
    const added = Array.from({ length: count }, (_, i) => ({
      id: `${this.topic}/${partition}/${sent.length + i}`,
      period,
      acked: false,
      offset: -1,
    }));
    sent.push(...added);
    return added;
  }

  ack(records: readonly SentRecord[], baseOffset: number): void {
    records.forEach((record, i) => {
      record.acked = true;
      record.offset = baseOffset < 0 ? -1 : baseOffset + i;
    });
    this.acked += records.length;
  }
}
