// One connection of a reactor without a native side. Owner: the shard's thread. Made at accept.

import { FrameCutter } from './frame-cutter.ts';
import type { FrameMemory } from './frame-memory.ts';
import type { FileWork } from './file-work.ts';
import type { Link } from './link.ts';
import { SendQueue, type SendQueueOwner } from './send-queue.ts';

export interface ReactorConnectionParts {
  readonly conn: number;
  readonly generation: number;
  readonly link: Link;
  readonly files: FileWork;
  readonly arena: Uint8Array;
  readonly frames: FrameMemory;
  readonly requestMaxBytes: number;
}

export class ReactorConnection {
  readonly conn: number;
  readonly generation: number;
  readonly link: Link;
  readonly cutter: FrameCutter;
  readonly sends: SendQueue;
  /** A frame was cut that this tick's descriptor table had no room for; its block is retained. */
  frameHeld = false;
  /** READING said so. */
  paused = false;
  /** Waits for completion slots, descriptors or arena memory. */
  stalled = false;
  /** The peer has sent all it will. */
  ended = false;
  /** CLOSE was asked for: nothing is received any more. */
  closing = false;
  dead = false;
  /** In the list of those that got something to send in this submit(). */
  touched = false;

  constructor(parts: ReactorConnectionParts, owner: SendQueueOwner) {
    this.conn = parts.conn;
    this.generation = parts.generation;
    this.link = parts.link;
    this.cutter = new FrameCutter(parts.frames, parts.arena, parts.requestMaxBytes);
    this.sends = new SendQueue(parts.link, parts.files, parts.arena, owner);
  }
}
