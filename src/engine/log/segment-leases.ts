// SegmentLeases: file ranges on their way to sockets, named by the ticket of their SEND_FILE. A leased segment may be
// deleted from the log, but its descriptor stays open until the last byte has left. Owner: the shard's thread. @hot

import { assert } from '../base/assert.ts';
import type { Segment } from './segment.ts';

export class SegmentLeases {
  private readonly segments: (Segment | null)[] = [];
  private readonly free: number[] = [];
  held = 0;

  take(segment: Segment): number {
    const ticket = this.free.length > 0 ? this.free.pop()! : this.segments.length;
    this.segments[ticket] = segment;
    segment.pins++;
    this.held++;
    return ticket;
  }

  /** @returns the segment, to be unpinned */
  give(ticket: number): Segment {
    const segment = this.segments[ticket];
    assert(segment != null, 'a lease ends once', ticket);
    this.segments[ticket] = null;
    this.free.push(ticket);
    this.held--;
    return segment;
  }
}
