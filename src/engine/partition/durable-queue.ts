// Produces of one partition that wait until their records are on the disk. Owner: the shard's thread.
// Hot: nodes are linked in place and owned by the waiting operation. Offsets wait in ascending order, because that is
// the order they were assigned in, so what became durable is always a prefix.

export interface DurableWaiter {
  /** Entry `entry` is durable (ok) or can never be (not ok). */
  onDurable(entry: number, ok: boolean): void;
}

export class DurableNode {
  readonly waiter: DurableWaiter;
  readonly entry: number;
  /** Durable when the log's durable offset reaches this. */
  requiredOffset: number;
  next: DurableNode | null = null;

  constructor(waiter: DurableWaiter, entry: number, requiredOffset = 0) {
    this.waiter = waiter;
    this.entry = entry;
    this.requiredOffset = requiredOffset;
  }
}

export class DurableQueue {
  head: DurableNode | null = null;
  private tail: DurableNode | null = null;

  /** `node.requiredOffset` is set: as an argument it would be a heap number. */
  push(node: DurableNode): void {
    node.next = null;
    if (this.tail === null) this.head = node;
    else this.tail.next = node;
    this.tail = node;
  }

  /** Everything below `durableOffset` is on the disk. */
  advance(durableOffset: number): void {
    for (let node = this.head; node !== null && node.requiredOffset <= durableOffset; node = this.head) {
      this.pop(node);
      node.waiter.onDurable(node.entry, true);
    }
  }

  /** Everything at or above `validOffset` was lost before it reached the disk. */
  fail(validOffset: number): void {
    let node = this.head;
    this.head = null;
    this.tail = null;
    while (node !== null) {
      const next: DurableNode | null = node.next;
      if (node.requiredOffset <= validOffset) this.push(node);
      else node.waiter.onDurable(node.entry, false);
      node = next;
    }
  }

  private pop(node: DurableNode): void {
    this.head = node.next;
    if (this.head === null) this.tail = null;
    node.next = null;
  }
}
