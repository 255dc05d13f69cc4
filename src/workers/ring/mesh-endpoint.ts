// One thread's place in the mesh: its mailboxes, and the steps a tick makes over all of them.
// Owner: the thread itself. Hot: drain() and finishTick(), once a tick.
//
//   with a reactor       onTick: endpoint.drain() … work … reactor.submit() … if (!endpoint.finishTick()) reactor.schedule()
//   without (supervisor, and a shard that has closed) endpoint.runOnLoop()

import { Doorbell } from './doorbell.ts';
import { Mailbox } from './mailbox.ts';
import type { MailHandler, MailboxOptions } from './mailbox.ts';
import { RingConsumer } from './ring-consumer.ts';
import { ringBetween } from './ring-mesh.ts';
import type { RingMesh } from './ring-mesh.ts';
import { RingProducer } from './ring-producer.ts';
import { Sleeper } from './sleeper.ts';
import { openRing } from './spsc-ring.ts';
import type { Signal } from './wake.ts';

/** Messages taken from one mailbox a tick, so that a busy peer cannot keep sockets and other peers waiting. */
const DEFAULT_DRAIN_LIMIT = 1024;

export interface RingFill {
  readonly used: number;
  readonly slots: number;
  readonly full: number;
}

export interface MeshEndpointOptions extends MailboxOptions {
  /** The addon's signal(fd), to wake peers that have a descriptor; null without the addon. */
  readonly signal: Signal | null;
  /** This thread's descriptor (Reactor.wakeFd); -1: it waits with Atomics.waitAsync and `onWake` is called. */
  readonly wakeFd: number;
  /** With wakeFd -1: cause a tick (Reactor.schedule). runOnLoop() brings its own. */
  readonly onWake?: () => void;
}

export class MeshEndpoint {
  readonly thread: number;
  /** One for every thread that this one is joined to, by its number. */
  readonly mailboxes: readonly (Mailbox | null)[];

  private readonly peers: readonly Mailbox[];
  /** By the peer's thread. */
  private readonly bells: Doorbell[] = [];
  private readonly sleeper: Sleeper;
  private onWake: () => void;
  private scheduled = false;
  private closed = false;
  private neighbour: MeshEndpoint | null = null;

  constructor(mesh: RingMesh, thread: number, handler: MailHandler, options: MeshEndpointOptions) {
    const bells = new Int32Array(mesh.bells);
    const mailboxes: (Mailbox | null)[] = [];
    for (let peer = 0; peer < mesh.threads; peer++) {
      if (mesh.rings[thread * mesh.threads + peer] === null) {
        mailboxes.push(null);
        continue;
      }
      const bell = new Doorbell(bells, peer, options.signal);
      this.bells[peer] = bell;
      const outbound = new RingProducer(openRing(ringBetween(mesh, thread, peer)), bell);
      const inbound = new RingConsumer(openRing(ringBetween(mesh, peer, thread)), bell);
      mailboxes.push(new Mailbox(peer, outbound, inbound, handler, options));
    }
    this.thread = thread;
    this.mailboxes = mailboxes;
    this.peers = mailboxes.filter((mailbox) => mailbox !== null);
    this.onWake = options.onWake ?? (() => undefined);
    this.sleeper = new Sleeper(
      bells,
      thread,
      this.peers.map((mailbox) => mailbox.inbound),
      this.peers.map((mailbox) => mailbox.outbound),
      () => this.onWake(),
    );
    if (options.wakeFd >= 0) this.sleeper.useWakeFd(options.wakeFd);
  }

  /** Start of a tick: handle mail, up to `limit` messages from each peer. How many there were. */
  drain(limit: number = DEFAULT_DRAIN_LIMIT): number {
    this.sleeper.awake();
    let count = 0;
    for (let i = 0; i < this.peers.length; i++) count += this.peers[i]!.drain(limit);
    return count;
  }

  /**
   * End of a tick, after the reactor's submit(): give drained mail back, show what was sent, and say that this thread
   * sleeps. False: mail came meanwhile and another tick must run.
   */
  finishTick(): boolean {
    for (let i = 0; i < this.peers.length; i++) {
      this.peers[i]!.release();
      this.peers[i]!.publish();
    }
    return this.sleeper.prepareToSleep();
  }

  /** Of the fullest ring to another thread, and how many claims found one full. */
  ringFill(): RingFill {
    let used = 0;
    let full = 0;
    for (const { outbound } of this.peers) {
      used = Math.max(used, outbound.usedSlots);
      full += outbound.stats.full;
    }
    return { used, slots: this.peers[0]?.outbound.slots ?? 0, full };
  }

  /** Ticks of a thread without a reactor, on its event loop (which something else must keep alive). Begins at once. */
  runOnLoop(): void {
    const tick = (): void => {
      this.scheduled = false;
      if (this.closed) return;
      this.drain();
      if (!this.finishTick()) this.onWake();
    };
    this.onWake = () => {
      if (this.scheduled) return;
      this.scheduled = true;
      setImmediate(tick);
    };
    this.onWake();
  }

  /** Both ends are on this thread (`ringlog.shards=0`): they cause each other's ticks by a call, until one closes. */
  joinHere(other: MeshEndpoint): void {
    for (const [one, two] of [
      [this, other],
      [other, this],
    ] as const) {
      one.neighbour = two;
      // Never a tick itself: who rings is in the middle of its own.
      one.bells[two.thread]!.here = () => two.onWake();
    }
  }

  /**
   * The reactor is about to close: mail is handled on the event loop from here on, and on return no peer signals the
   * reactor's descriptor any more. Its number may soon be a file's.
   */
  leaveReactor(): void {
    this.sleeper.dropWakeFd();
    this.runOnLoop();
  }

  /**
   * Leave: pending calls fail with `reason`, and on return no peer signals this thread's descriptor any more.
   * What was published before stays readable by the peers.
   */
  close(reason: string): void {
    if (this.closed) return;
    this.closed = true;
    const { neighbour } = this;
    neighbour?.part(this);
    if (neighbour !== null) this.part(neighbour);
    for (const mailbox of this.peers) {
      mailbox.publish();
      mailbox.close(reason);
    }
    this.sleeper.close();
  }

  /** What holds the other's end is let go. */
  private part(other: MeshEndpoint): void {
    this.neighbour = null;
    this.bells[other.thread]!.here = null;
  }
}
