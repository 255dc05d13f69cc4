// AppendChains: the gathered writes a shard has in its submission ring, named by the TICKET of their completion.
// Owner: the shard's thread. Hot; grows to the most that were ever in flight and stays.

import { assert } from '../base/assert.ts';
import { ReusedList } from '../base/reused-list.ts';
import type { Log } from './log.ts';
import type { Segment } from './segment.ts';

export class AppendChains {
  private readonly logs: (Log | null)[] = [];
  private readonly segments: (Segment | null)[] = [];
  private readonly generations: number[] = [];
  private readonly startOffsets: number[] = [];
  private readonly endOffsets: number[] = [];
  private readonly lengths: number[] = [];
  private readonly free = new ReusedList<number>();
  /** Chains staged or submitted whose completion has not been seen. */
  pending = 0;

  begin(log: Log, segment: Segment): number {
    const chain = this.free.pop() ?? this.logs.length;
    this.logs[chain] = log;
    this.segments[chain] = segment;
    this.generations[chain] = log.generation;
    this.startOffsets[chain] = log.endOffset;
    this.endOffsets[chain] = log.endOffset;
    this.lengths[chain] = 0;
    this.pending++;
    return chain;
  }

  extend(chain: number, lengthBytes: number, endOffset: number): void {
    this.lengths[chain] = this.lengths[chain]! + lengthBytes;
    this.endOffsets[chain] = endOffset;
  }

  /** The completion was seen: the ticket may be used again. */
  end(chain: number): void {
    assert(this.logs[chain] != null, 'a chain ends once', chain);
    this.logs[chain] = null;
    this.segments[chain] = null;
    this.free.push(chain);
    this.pending--;
  }

  log(chain: number): Log {
    const log = this.logs[chain];
    assert(log != null, 'a completion names a chain in flight', chain);
    return log;
  }

  segment(chain: number): Segment | null {
    return this.segments[chain] ?? null;
  }

  generation(chain: number): number {
    return this.generations[chain]!;
  }

  startOffset(chain: number): number {
    return this.startOffsets[chain]!;
  }

  endOffset(chain: number): number {
    return this.endOffsets[chain]!;
  }

  lengthBytes(chain: number): number {
    return this.lengths[chain]!;
  }
}
