// The places of the mesh that threads of the user's write from: who has which, and what they are told. Owner: the
// supervisor's thread. Not hot: their batches do not pass here.
//
// A guest that says that it has closed leaves its rings and its arena as it found them, and the next one takes the place. One
// that ended without a word may have batches under way: its place stays as it is until the log is closed.

import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Caller } from '../caller/caller.ts';
import type { GuestPass, GuestTold, GuestTopic, GuestWord } from '../caller/guest-caller.ts';
import type { RingMesh } from '../ring/ring-mesh.ts';

/** How long a closing log waits for a thread that does not come back to its event loop. */
const END_PATIENCE_MS = 10_000;

interface Guest {
  readonly port: MessagePort;
  /** Somebody has taken the pass. */
  opened: boolean;
  /** Has closed, or its thread has ended. */
  readonly left: Promise<void>;
}

export class GuestPlaces {
  private readonly mesh: RingMesh;
  private readonly caller: Caller;
  private readonly free: number[];
  private readonly guests = new Set<Guest>();

  constructor(mesh: RingMesh, firstGuest: number, caller: Caller) {
    this.mesh = mesh;
    this.caller = caller;
    this.free = Array.from({ length: mesh.threads - firstGuest }, (_, i) => mesh.threads - 1 - i);
  }

  /** A way in for one thread; null when all places are taken. */
  admit(): GuestPass | null {
    const thread = this.free.pop();
    if (thread === undefined) return null;
    const { port1: port, port2 } = new MessageChannel();
    let leave: () => void = () => undefined;
    const guest: Guest = { port, opened: false, left: new Promise((resolve) => (leave = resolve)) };
    this.guests.add(guest);
    port.on('message', ({ kind }: GuestWord) => {
      if (kind === 'opened') guest.opened = true;
      else if (kind === 'nextProducerId') this.giveProducerId(port);
      else this.free.push(thread);
    });
    port.on('close', () => {
      this.guests.delete(guest);
      leave();
    });
    // It does not keep the process alive: threads do that themselves.
    port.unref();
    return { thread, mesh: this.mesh, port: port2, topics: this.topics() };
  }

  /** Topics have changed, and the shards know. */
  tell(): void {
    if (this.guests.size === 0) return;
    const topics = this.topics();
    for (const { port } of this.guests) say(port, { kind: 'topics', topics });
  }

  /** Every guest ends well, or has had time to. */
  async end(): Promise<void> {
    await Promise.all(
      [...this.guests].map(async ({ port, opened, left }) => {
        if (opened) {
          say(port, { kind: 'end' });
          let timer: NodeJS.Timeout | undefined;
          await Promise.race([left, new Promise((resolve) => (timer = setTimeout(resolve, END_PATIENCE_MS)))]);
          clearTimeout(timer);
        }
        port.close();
      }),
    );
  }

  /** The shards are gone. */
  lose(reason: string): void {
    for (const { port } of this.guests) {
      say(port, { kind: 'lost', reason });
      port.close();
    }
  }

  private giveProducerId(port: MessagePort): void {
    this.caller.nextProducerId().then(
      (id) => say(port, { kind: 'producerId', id }),
      () => say(port, { kind: 'producerId', id: -1 }),
    );
  }

  private topics(): GuestTopic[] {
    return [...this.caller.image.topicsByName.values()].map((image) => [image, this.caller.maxBatchBytes(image)]);
  }
}

function say(port: MessagePort, told: GuestTold): void {
  port.postMessage(told);
}
