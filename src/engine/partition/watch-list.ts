// Who is to be told when a partition changes. Owner: the shard's thread. Hot: nodes are linked in place and owned by
// the operation that waits, which keeps them for reuse.

/** Something parked on one or more partitions. */
export interface Watcher {
  /** The watched partition has new records, a new epoch, or is gone. May unlink this and other nodes. */
  onPartitionChange(): void;
}

export class WatchNode {
  readonly watcher: Watcher;
  list: WatchList | null = null;
  previous: WatchNode | null = null;
  next: WatchNode | null = null;

  constructor(watcher: Watcher) {
    this.watcher = watcher;
  }

  unlink(): void {
    const list = this.list;
    if (list === null) return;
    if (this.previous === null) list.head = this.next;
    else this.previous.next = this.next;
    if (this.next === null) list.tail = this.previous;
    else this.next.previous = this.previous;
    this.list = null;
    this.previous = null;
    this.next = null;
    list.size--;
  }
}

export class WatchList {
  head: WatchNode | null = null;
  tail: WatchNode | null = null;
  size = 0;

  link(node: WatchNode): void {
    node.list = this;
    node.previous = this.tail;
    node.next = null;
    if (this.tail === null) this.head = node;
    else this.tail.next = node;
    this.tail = node;
    this.size++;
  }

  /** Tell everyone who waits now, in the order they came; those who park again meanwhile are not told twice. */
  notify(): void {
    // A watcher unlinks itself (or parks again at the tail), so the head moves; the count bounds the round.
    for (let left = this.size; left > 0 && this.head !== null; left--) {
      const node = this.head;
      node.unlink();
      node.watcher.onPartitionChange();
    }
  }
}
