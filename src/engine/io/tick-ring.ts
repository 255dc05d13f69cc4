// One shard's tick ring as the engine sees it: memory, submission writing, and the calls that carry submissions out.
// Owner: the shard's thread. Hot.
//
// Every reactor (native, portable, in memory) provides one; the engine only ever sees this face. Positions in the
// arrays are in tick-layout.ts.

import type { ManagedFiles } from './managed-files.ts';

export interface TickMemory {
  /** The shard's memory: receive blocks and the out region. Never moves, never grows. */
  readonly arena: Uint8Array;
  readonly view: DataView;
  /** Absolute address of arena[0], as a float64: what APPEND's ADDRESS is counted from. */
  readonly arenaAddress: number;
  readonly ctl: Int32Array;
  readonly ctlF64: Float64Array;
  readonly cq: Int32Array;
  readonly cqCapacity: number;
  readonly sq: Int32Array;
  readonly sqF64: Float64Array;
  readonly sqCapacity: number;
  readonly desc: Int32Array;
  readonly descF64: Float64Array;
  readonly descCapacity: number;
  /** Out region inside the arena: bytes written here stay valid until the next submit(). */
  readonly outOffset: number;
  readonly outBytes: number;
}

export interface TickRing extends TickMemory {
  /** The managed storage mode, where the reactor has it. */
  readonly managed: ManagedFiles | null;
  /**
   * Execute every submission written so far: appends first (one gathered write a chain, completions added to the
   * completion ring at once), then the rest in order, sends gathered into one call a connection. On return the
   * submission ring and the out region are empty again. What a socket does not take now is copied and sent later.
   */
  submit(): void;
  /**
   * Read now if that needs no disk: bytes read, 0 at end of file, or -11 (EAGAIN) when the pages are not in memory.
   * Any other failure is -errno.
   */
  readNow(fd: number, position: number, offset: number, length: number): number;
  /** Bytes of [position, position + length) that are in the page cache, or -1 when the kernel cannot say. */
  residentBytes(fd: number, position: number, length: number): number;
  /** Read the clock into ctlF64[Ctl.STAMP_MS_F64]. */
  stamp(): void;
  /** Take a block of at least `length` bytes from the arena: its offset, or -1 when memory is at its bound. */
  takeBlock(length: number): number;
  /** Give a block of takeBlock back. */
  giveBlock(offset: number): void;
}
