// What the portable reactor and the one in memory share: tick, receive path, submissions. Owner: the shard's thread. Hot.
//
// A tick: time is read → the engine drains completions → its submissions are executed → the blocks of the frames it has
// seen go back → sockets that waited for room are cut further. Between ticks sockets and files add completions, and the
// first of them asks the subclass for the next tick.

import { constants } from 'node:os';
import { assert } from '../../engine/base/assert.ts';
import type { Clock } from '../../engine/base/clock.ts';
import { CloseReason, Cq, Ctl, Frame } from '../../engine/io/tick-layout.ts';
import { AddressSpace } from './address-space.ts';
import { BlockAllocator } from './block-allocator.ts';
import { CompletionRing } from './completion-ring.ts';
import { ConnectionTable } from './connection-table.ts';
import type { FileWork } from './file-work.ts';
import { Cut } from './frame-cutter.ts';
import { FrameMemory } from './frame-memory.ts';
import { fillFrameSlot, type WalkProduce } from './frame-slot.ts';
import type { Link } from './link.ts';
import type { ListenOptions, Listening, Reactor, ReactorOptions, ReactorReport } from './reactor.ts';
import { ReactorConnection } from './reactor-connection.ts';
import { createRingMemory, DEFAULT_RING_SIZES, type RingSizes } from './ring-memory.ts';
import { executeSubmissions } from './submission-walk.ts';

/** How long sockets wait for arena memory before a frame in part is given up. */
const STARVED_MS = 3000;

export interface ReactorCoreParts {
  readonly options: ReactorOptions;
  readonly walkProduce: WalkProduce;
  readonly clock: Clock;
  readonly rings?: Partial<RingSizes>;
  /** This arena's number in the process (address-space.ts). */
  readonly arenaIndex?: number;
}

export abstract class ReactorCore implements Reactor {
  readonly arena: Uint8Array;
  readonly view: DataView;
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
  readonly outOffset: number;
  readonly outBytes: number;
  readonly wakeFd = -1;
  /** The arena's memory, for another thread's registerForeignArena(). */
  readonly sharedArena: SharedArrayBuffer;
  readonly space = new AddressSpace();
  readonly completions: CompletionRing;
  readonly connections: ConnectionTable;
  readonly frames: FrameMemory;
  abstract readonly report: ReactorReport;
  abstract readonly files: FileWork;
  /** Needs O_DIRECT and memory of its own: the native reactor's. */
  readonly managed = null;
  protected readonly options: ReactorOptions;
  protected readonly clock: Clock;
  protected onTick: (() => void) | null = null;
  protected closed = false;
  private readonly walkProduce: WalkProduce;
  private readonly blocks: BlockAllocator;
  private readonly stalled: ReactorConnection[] = [];
  private readonly overfull: ReactorConnection[] = [];
  /** ARM's; Infinity when not armed. */
  private deadlineMs = Infinity;
  /** When sockets have waited for arena memory so long that nobody will give any back. */
  private giveUpMs = Infinity;
  private releasesSeen = 0;
  private starved = false;
  private ticking = false;
  private wakeDue = false;

  constructor(parts: ReactorCoreParts) {
    const arenaIndex = parts.arenaIndex ?? 0;
    const memory = createRingMemory(parts.options.arenaBytes, { ...DEFAULT_RING_SIZES, ...parts.rings }, arenaIndex);
    this.arena = memory.arena;
    this.view = memory.view;
    this.arenaAddress = memory.arenaAddress;
    this.ctl = memory.ctl;
    this.ctlF64 = memory.ctlF64;
    this.cq = memory.cq;
    this.cqCapacity = memory.cqCapacity;
    this.sq = memory.sq;
    this.sqF64 = memory.sqF64;
    this.sqCapacity = memory.sqCapacity;
    this.desc = memory.desc;
    this.descF64 = memory.descF64;
    this.descCapacity = memory.descCapacity;
    this.outOffset = memory.outOffset;
    this.outBytes = memory.outBytes;
    this.sharedArena = memory.shared;
    this.options = parts.options;
    this.clock = parts.clock;
    this.walkProduce = parts.walkProduce;
    this.space.register(arenaIndex, memory.shared);
    this.completions = new CompletionRing(memory, () => this.tickDue());
    this.connections = new ConnectionTable(parts.options.maxConnections);
    this.blocks = new BlockAllocator(memory.outOffset);
    this.frames = new FrameMemory(this.blocks, this.ctlF64);
    this.readTime();
  }

  abstract listen(options: ListenOptions): Promise<Listening>;
  abstract stopListening(): void;
  abstract close(): Promise<void>;
  /** See to it that runTick() is called soon; calls before that are one. */
  protected abstract requestTick(): void;
  /** See to it that alarm() is called at `atMs` or soon after; earlier settings are replaced, Infinity is never. */
  protected abstract setAlarm(atMs: number): void;

  start(onTick: () => void): void {
    assert(this.onTick === null, 'a reactor is started once');
    this.onTick = onTick;
    if (!this.completions.isEmpty || this.wakeDue) this.requestTick();
  }

  peerAddress(conn: number): string {
    return this.connections.at(conn)?.link.peer ?? '';
  }

  wake(): void {
    this.wakeDue = true;
    this.tickDue();
  }

  schedule(): void {
    this.tickDue(true);
  }

  registerForeignArena(index: number, arena: SharedArrayBuffer): number {
    return this.space.register(index, arena);
  }

  /** Complete with TIMER at `deadlineMs`; Infinity disarms. */
  arm(deadlineMs: number): void {
    this.deadlineMs = deadlineMs;
    this.setAlarm(Math.min(deadlineMs, this.giveUpMs));
  }

  submit(): void {
    this.ctlF64[Ctl.SUBMITS_F64] = this.ctlF64[Ctl.SUBMITS_F64]! + 1;
    // A tick that has drained the ring and reset it makes room for what was waiting.
    this.completions.refill();
    if (this.ctl[Ctl.SQ_COUNT]! > 0) executeSubmissions(this);
    this.ctl[Ctl.OUT_USED] = 0;
  }

  stamp(): void {
    this.ctlF64[Ctl.STAMP_MS_F64] = this.clock.monotonicMs();
  }

  readNow(fd: number, position: number, offset: number, length: number): number {
    return this.files.readNow(fd, this.arena.subarray(offset, offset + length), position);
  }

  residentBytes(_fd: number, _position: number, _length: number): number {
    return -1;
  }

  takeBlock(length: number): number {
    return this.blocks.take(length);
  }

  giveBlock(offset: number): void {
    this.blocks.give(offset);
    if (this.stalled.length > 0) this.tickDue();
  }

  /** RELEASE of a frame's block. */
  releaseBlock(block: number): void {
    this.frames.release(block);
    if (this.stalled.length > 0) this.tickDue();
  }

  /** A new connection: null when there are too many, and then it is the caller's to refuse. */
  protected accept(link: Link, listener: number): ReactorConnection | null {
    const conn = this.connections.take();
    if (conn < 0) return null;
    const generation = this.connections.generationOf(conn);
    const { files, arena, frames } = this;
    const parts = { conn, generation, link, files, arena, frames, requestMaxBytes: this.options.requestMaxBytes };
    const connection: ReactorConnection = new ReactorConnection(parts, {
      sent: (ticket, result) => this.completions.push(Cq.SENT, conn, generation, result, ticket),
      sendFailed: (errno) => this.closeNow(connection, errno),
      finished: () => this.closeNow(connection, 0),
    });
    this.connections.put(connection);
    this.completions.push(Cq.ACCEPTED, conn, generation, 0, listener);
    return connection;
  }

  /** Bytes came; `chunk` is the reactor's from now on. */
  protected receive(connection: ReactorConnection, chunk: Uint8Array): void {
    if (connection.dead || connection.closing) return;
    connection.cutter.give(chunk);
    if (!connection.stalled) this.cutFrames(connection);
  }

  /** The peer will send no more: the connection goes when what it has sent was shown. */
  protected receiveEnd(connection: ReactorConnection): void {
    if (connection.dead) return;
    connection.ended = true;
    // A graceful close still has answers to send, and the peer may still be reading them.
    if (!connection.closing && !connection.stalled) this.cutFrames(connection);
  }

  /** The connection is gone now: RESULT of its CLOSED is 0, -errno or a CloseReason. */
  closeNow(connection: ReactorConnection, result: number): void {
    if (connection.dead) return;
    connection.dead = true;
    if (connection.frameHeld) this.frames.release(connection.cutter.frameBlock);
    connection.cutter.drop();
    connection.sends.kill();
    connection.link.destroy();
    this.connections.remove(connection);
    this.completions.push(Cq.CLOSED, connection.conn, connection.generation, result, 0);
  }

  /** CLOSE after what is queued. */
  closeGracefully(connection: ReactorConnection): void {
    if (connection.closing) return;
    connection.closing = true;
    if (connection.frameHeld) this.frames.release(connection.cutter.frameBlock);
    connection.frameHeld = false;
    connection.cutter.drop();
    connection.sends.stageEnd();
  }

  setReading(connection: ReactorConnection, reading: boolean): void {
    if (connection.paused === !reading || connection.closing) return;
    connection.paused = !reading;
    if (connection.stalled) return;
    if (!reading) {
      connection.link.setReading(false);
      return;
    }
    // Frames cut now would belong to the tick that is ending: they are cut after it.
    this.stall(connection);
    this.tickDue();
  }

  /** At the end of submit(): this connection got something to send. */
  flushSends(connection: ReactorConnection): void {
    if (connection.dead) return;
    connection.sends.flush();
    // The socket may still take it before the next tick, which is when the bound is looked at.
    if (connection.sends.queuedBytes > this.options.sendQueueMaxBytes) {
      this.overfull.push(connection);
      this.tickDue();
    }
  }

  protected runTick(): void {
    assert(!this.ticking && this.onTick !== null, 'a tick runs alone');
    this.ticking = true;
    this.readTime();
    this.ctlF64[Ctl.TICKS_F64] = this.ctlF64[Ctl.TICKS_F64]! + 1;
    this.closeOverfull();
    if (this.wakeDue) {
      this.wakeDue = false;
      this.completions.push(Cq.WAKE, -1, 0, 0, 0);
    }
    this.onTick();
    assert(this.ctl[Ctl.CQ_COUNT] === 0, 'a tick drains its completions and sets CQ_COUNT to 0', this.ctl[Ctl.CQ_COUNT]);
    this.submit();
    this.frames.endTick();
    this.ctl[Ctl.DESC_COUNT] = 0;
    this.resumeStalled();
    this.ticking = false;
    if (!this.completions.isEmpty || this.wakeDue || this.overfull.length > 0) this.requestTick();
  }

  /** `always`: also from within a tick. Completions and wakes of a tick are seen to at its end. */
  private tickDue(always = false): void {
    if ((always || !this.ticking) && this.onTick !== null && !this.closed) this.requestTick();
  }

  /** Call it at the time given to setAlarm(); before it, only the next alarm is set. */
  protected alarm(): void {
    const now = this.clock.monotonicMs();
    if (now >= this.deadlineMs) {
      this.deadlineMs = Infinity;
      this.completions.push(Cq.TIMER, -1, 0, 0, 0);
    }
    if (now >= this.giveUpMs) {
      if (this.frames.releases === this.releasesSeen) this.giveUpPartial();
      this.giveUpAt(now + STARVED_MS);
    }
    this.setAlarm(Math.min(this.deadlineMs, this.giveUpMs));
  }

  /** Only frames in part, and what the engine retains, can hold all memory for so long: the largest part goes. */
  private giveUpPartial(): void {
    const partial = this.connections.all().sort((a, b) => b.cutter.partialBytes - a.cutter.partialBytes)[0];
    if (partial === undefined || partial.cutter.partialBytes === 0) return;
    this.closeNow(partial, -constants.errno.ENOMEM);
    this.tickDue(true);
  }

  private giveUpAt(atMs: number): void {
    if (atMs === this.giveUpMs) return;
    this.giveUpMs = atMs;
    this.releasesSeen = this.frames.releases;
    this.setAlarm(Math.min(this.deadlineMs, atMs));
  }

  private readTime(): void {
    this.ctlF64[Ctl.NOW_MS_F64] = this.clock.monotonicMs();
    this.ctlF64[Ctl.WALL_MS_F64] = this.clock.wallMs();
  }

  private closeOverfull(): void {
    for (const connection of this.overfull) {
      if (connection.sends.queuedBytes > this.options.sendQueueMaxBytes) this.closeNow(connection, CloseReason.SEND_QUEUE_FULL);
    }
    this.overfull.length = 0;
  }

  private cutFrames(connection: ReactorConnection): void {
    while (!connection.dead && !connection.paused && !connection.closing) {
      const slot = this.completions.frameSlot();
      if (slot < 0) {
        this.stall(connection);
        return;
      }
      const cut = connection.frameHeld ? Cut.FRAME : connection.cutter.next();
      if (cut === Cut.FRAME) {
        if (!this.showFrame(connection, slot)) return;
      } else if (cut === Cut.NEED_BYTES) {
        if (connection.ended) this.closeNow(connection, 0);
        return;
      } else if (cut === Cut.NEED_MEMORY) {
        this.stall(connection);
        this.starved = true;
        if (this.giveUpMs === Infinity) this.giveUpAt(this.clock.monotonicMs() + STARVED_MS);
        return;
      } else {
        this.closeNow(connection, cut === Cut.TOO_LARGE ? CloseReason.FRAME_TOO_LARGE : CloseReason.FRAME_NEGATIVE);
      }
    }
  }

  /** @returns false when the frame has to wait for the next tick's descriptors */
  private showFrame(connection: ReactorConnection, slot: number): boolean {
    const { cutter } = connection;
    this.cq[slot + Frame.CONN] = connection.conn;
    this.cq[slot + Frame.GENERATION] = connection.generation;
    this.cq[slot + Frame.BLOCK] = cutter.frameBlock;
    if (!fillFrameSlot(this, this.walkProduce, slot, cutter.frameOffset, cutter.frameLength)) {
      if (!connection.frameHeld) this.frames.retain(cutter.frameBlock);
      connection.frameHeld = true;
      this.stall(connection);
      return false;
    }
    if (connection.frameHeld) this.frames.show(cutter.frameBlock);
    connection.frameHeld = false;
    this.completions.commitFrame();
    return true;
  }

  /** Over a bound the socket is paused, not buffered. */
  private stall(connection: ReactorConnection): void {
    connection.stalled = true;
    this.stalled.push(connection);
    connection.link.setReading(false);
  }

  private resumeStalled(): void {
    if (this.stalled.length === 0) return;
    this.starved = false;
    for (const connection of this.stalled.splice(0)) {
      connection.stalled = false;
      if (connection.dead) continue;
      this.cutFrames(connection);
      if (!connection.stalled && !connection.paused && !connection.dead) connection.link.setReading(true);
    }
    if (!this.starved) this.giveUpAt(Infinity);
  }
}
