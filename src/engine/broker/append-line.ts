// Batches that wait for room in the arena of managed logs, in the order they came: of clients, of other shards, of embedded
// callers. Owner: the shard's thread. Hot: admits(), once a batch; what waits is pooled by who waits.
//
// The bytes stay where they are, in a receive block or a caller's arena, both bounded: those are what stops the senders. One
// line for all managed logs of the shard, so that a large batch is not passed for ever; logs in the page cache go by it, and
// so does what a disk without room has append() refuse. The shard goes on meanwhile: nobody waits for the disk in place.

import { Ctl } from '../io/tick-layout.ts';
import type { TickRing } from '../io/tick-ring.ts';
import { arenaBatchBytesMax, ArenaRoom, chunksNeeded, isRefused } from '../log/arena-room.ts';
import type { Log } from '../log/log.ts';
import type { Partition } from '../partition/partition.ts';
import { BatchFacts } from '../record/batch-facts.ts';

export abstract class WaitingAppend {
  partition: Partition | null = null;
  /** Of the batch, while it waits. */
  readonly facts = new BatchFacts();
  nextInLine: WaitingAppend | null = null;

  /** There is room: append it. */
  abstract carryOut(): void;
}

export class AppendLine {
  private readonly ring: TickRing;
  private readonly room: ArenaRoom;
  private head: WaitingAppend | null = null;
  private tail: WaitingAppend | null = null;

  constructor(ring: TickRing) {
    this.ring = ring;
    this.room = new ArenaRoom(ring);
  }

  /** May a batch be appended now? False: it has to wait(), behind those that wait. */
  admits(log: Log, lengthBytes: number): boolean {
    // What is refused anyhow needs no room; a log may leave managed storage while some of its batches wait.
    if (log.failed || log.closed || !(log.active.managed || log.waitingAppends > 0)) return true;
    if (lengthBytes > arenaBatchBytesMax(this.ring)) return true;
    if (log.waitingAppends === 0 && isRefused(this.ring, log, lengthBytes)) return true;
    return this.head === null && this.room.take(log, lengthBytes);
  }

  wait(one: WaitingAppend, partition: Partition, facts: BatchFacts): void {
    one.partition = partition;
    one.facts.copy(facts);
    partition.log.waitingAppends++;
    if (this.tail === null) this.head = one;
    else this.tail.nextInLine = one;
    this.tail = one;
    this.sayWanted();
  }

  /** Start of a tick, of which there is one a second at least: append what there is room for, and what is refused. */
  advance(): void {
    if (this.head === null) return;
    const { ctl } = this.ring;
    let before: WaitingAppend | null = null;
    for (let one: WaitingAppend | null = this.head; one !== null;) {
      const next: WaitingAppend | null = one.nextInLine;
      if (this.mayLeave(one, before !== null)) {
        if (before === null) this.head = next;
        else before.nextInLine = next;
        if (next === null) this.tail = before;
        one.nextInLine = null;
        one.partition!.log.waitingAppends--;
        one.carryOut();
      } else if (ctl[Ctl.ARENA_ROOM_MOST] === ctl[Ctl.ARENA_ROOM_MAX]) break;
      else before = one;
      one = next;
    }
    this.sayWanted();
  }

  private mayLeave({ partition, facts }: WaitingAppend, isBehind: boolean): boolean {
    const { log } = partition!;
    if (log.failed || log.closed || !log.active.managed || isRefused(this.ring, log, facts.lengthBytes)) return true;
    return !isBehind && this.room.take(log, facts.lengthBytes);
  }

  private sayWanted(): void {
    const { head } = this;
    // Of what needs none any more, one: the next tick sees that.
    this.ring.ctl[Ctl.ARENA_WANTED] = head === null ? 0 : Math.max(1, chunksNeeded(this.ring, head.partition!.log, head.facts.lengthBytes));
  }
}
