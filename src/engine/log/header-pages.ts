// HeaderPages: the way from a file to batch headers for reads on the shard thread. Owner: the shard's thread. @hot
//
// First choice is the page cache, without waiting for a disk (readNow). Where it has nothing, the bytes are read off the
// thread into one of a few pages, and the read that needed them is tried again when they are there: so a cold catch-up
// reader stalls nobody. Pages keep what they read even if the kernel drops it, which is why a retry always gets on.

import { Ctl, Sq, SQ_SLOT_WORDS, SqField } from '../io/tick-layout.ts';
import type { TickRing } from '../io/tick-ring.ts';
import { BATCH_HEADER_BYTES } from '../record/batch-header.ts';
import { Errno } from '../io/disk-error.ts';
import type { Log } from './log.ts';
import type { Segment } from './segment.ts';

const PAGES = 8;
const PAGE_BYTES = 16 * 1024;
/** The most that one bytesAt() gives: a default index interval and a header after it. */
export const CHUNK_BYTES = 8 * 1024;

/** What bytesAt() answers instead of an arena offset. */
export const PageStatus = {
  /** The log is told when to try again. */
  WAIT: -1,
  FAILED: -2,
} as const;

class Page {
  segment: Segment | null = null;
  log: Log | null = null;
  position = 0;
  bytes = 0;
  loading = false;
  usedAt = 0;
}

export class HeaderPages {
  /** How many bytes the last bytesAt() really found. */
  available = 0;
  /** Pages being read. */
  loading = 0;
  /** Logs that found every page busy, or no memory for them. */
  private readonly waiting: Log[] = [];
  private readonly ring: TickRing;
  private readonly pages: Page[] = [];
  /** One block of the arena: a scratch chunk, then the pages. -1 until first used. */
  private block = -1;
  private clock = 0;

  constructor(ring: TickRing) {
    this.ring = ring;
    for (let i = 0; i < PAGES; i++) this.pages.push(new Page());
  }

  /** Arena offset of up to `length` (<= CHUNK_BYTES) bytes of the segment at `position`, at least `atLeast`; or a PageStatus. */
  bytesAt(log: Log, segment: Segment, position: number, length: number, atLeast: number): number {
    if (this.block < 0) {
      this.block = this.ring.takeBlock(CHUNK_BYTES + PAGES * PAGE_BYTES);
      if (this.block < 0) return this.wait(log);
    }
    for (let i = 0; i < PAGES; i++) {
      const page = this.pages[i]!;
      if (page.segment !== segment || page.loading || position < page.position || position + atLeast > page.position + page.bytes) continue;
      page.usedAt = ++this.clock;
      this.available = Math.min(length, page.position + page.bytes - position);
      return this.pageOffset(i) + position - page.position;
    }
    const got = this.ring.readNow(segment.fd, position, this.block, length);
    if (got >= atLeast) {
      this.available = got;
      return this.block;
    }
    // A short read without an end of file means that only the first pages are cached.
    if (got >= 0 || got === -Errno.EAGAIN) return segment.readFailed ? PageStatus.FAILED : this.load(log, segment, position);
    return PageStatus.FAILED;
  }

  /** Positions of the segment mean something else now, or nothing. */
  forget(segment: Segment): void {
    for (let i = 0; i < PAGES; i++) {
      const page = this.pages[i]!;
      if (page.segment === segment && !page.loading) page.segment = null;
      // Being read: the bytes are not to be believed when they come.
      else if (page.segment === segment) page.log = null;
    }
  }

  /** A READ ended. @returns its segment, to be unpinned */
  onReadDone(ticket: number, result: number): Segment {
    const page = this.pages[ticket]!;
    const segment = page.segment!;
    page.loading = false;
    page.bytes = Math.max(result, 0);
    this.loading--;
    // Less than a header is never asked for.
    const useless = result < BATCH_HEADER_BYTES;
    if (useless) segment.readFailed = true;
    if (page.log === null || useless) page.segment = null;
    if (page.log !== null) this.waiting.push(page.log);
    page.log = null;
    return segment;
  }

  /** A log whose reads may be tried again now, or null. */
  takeWaiting(): Log | null {
    return this.waiting.pop() ?? null;
  }

  private load(log: Log, segment: Segment, position: number): number {
    let oldest = -1;
    for (let i = 0; i < PAGES; i++) {
      const page = this.pages[i]!;
      if (page.loading) {
        if (page.log === log && page.segment === segment && page.position === position) return PageStatus.WAIT;
        continue;
      }
      if (oldest < 0 || page.usedAt < this.pages[oldest]!.usedAt) oldest = i;
    }
    if (oldest < 0) return this.wait(log);
    const page = this.pages[oldest]!;
    page.segment = segment;
    page.log = log;
    page.position = position;
    page.bytes = 0;
    page.loading = true;
    page.usedAt = ++this.clock;
    this.loading++;
    segment.pins++;
    this.submitRead(segment, oldest, position, Math.min(PAGE_BYTES, segment.writtenBytes - position));
    return PageStatus.WAIT;
  }

  private wait(log: Log): number {
    if (!this.waiting.includes(log)) this.waiting.push(log);
    return PageStatus.WAIT;
  }

  private submitRead(segment: Segment, page: number, position: number, length: number): void {
    const ring = this.ring;
    if (ring.ctl[Ctl.SQ_COUNT] === ring.sqCapacity) ring.submit();
    const slot = ring.ctl[Ctl.SQ_COUNT]!;
    ring.ctl[Ctl.SQ_COUNT] = slot + 1;
    const at = slot * SQ_SLOT_WORDS;
    ring.sq[at + SqField.OP] = Sq.READ;
    ring.sq[at + SqField.FD] = segment.fd;
    ring.sq[at + SqField.OFFSET] = this.pageOffset(page);
    ring.sq[at + SqField.LENGTH] = length;
    ring.sq[at + SqField.TICKET] = page;
    ring.sqF64[at / 2 + SqField.POSITION_F64] = position;
  }

  private pageOffset(page: number): number {
    return this.block + CHUNK_BYTES + page * PAGE_BYTES;
  }
}
