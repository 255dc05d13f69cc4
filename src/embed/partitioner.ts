// Which partition a record goes to when it does not say: by its key as Kafka's clients decide it, or, without a key, one
// after the other for as long as a batch each. Owner: the calling thread. Hot: no allocation.

/** @param key of the record, or null; a whole number below `partitionCount` is the answer */
export type Partitioner = (key: Uint8Array | null, partitionCount: number) => number;

/** Of one topic: records without keys stay with a partition until a batch's worth of bytes has gone there. */
export class StickyPartition {
  private readonly random: () => number;
  private readonly switchBytes: number;
  private partition = -1;
  private bytes = 0;

  constructor(switchBytes: number, random: () => number) {
    this.switchBytes = switchBytes;
    this.random = random;
  }

  choose(partitionCount: number): number {
    if (this.partition < 0 || this.partition >= partitionCount || this.bytes >= this.switchBytes) this.move(partitionCount);
    return this.partition;
  }

  /** So many bytes went to the partition chosen last. */
  add(bytes: number): void {
    this.bytes += bytes;
  }

  /** Another one than now, each with the same chance. */
  private move(partitionCount: number): void {
    const others = this.partition >= 0 && this.partition < partitionCount && partitionCount > 1;
    const pick = Math.floor(this.random() * (others ? partitionCount - 1 : partitionCount));
    this.partition = others && pick >= this.partition ? pick + 1 : pick;
    this.bytes = 0;
  }
}
