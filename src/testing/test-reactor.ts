// TestReactor: the portable reactor on a test broker's clock and disk, with a tap on every connection. Owner: the test's
// thread. Not hot.

import type { Socket } from 'node:net';
import type { WalkProduce } from '../net/reactor/frame-slot.ts';
import type { Link } from '../net/reactor/link.ts';
import { PortableReactor, type PortableReactorParts } from '../net/reactor/portable-reactor.ts';
import type { ReactorOptions } from '../net/reactor/reactor.ts';
import type { BrokerClock } from './broker-clock.ts';

export interface Tap {
  readonly link: Link;
  readonly take: (chunk: Buffer) => void;
}

export interface TestReactorParts {
  readonly clock: BrokerClock;
  readonly files: NonNullable<PortableReactorParts['files']>;
  readonly walkProduce: WalkProduce;
  /** What stands between a client and the broker. */
  readonly tap: (socket: Socket, give: (chunk: Uint8Array) => void) => Tap;
}

export class TestReactor extends PortableReactor {
  readonly #parts: TestReactorParts;
  #dropAlarm: () => void = () => undefined;

  constructor(options: ReactorOptions, parts: TestReactorParts) {
    super(options, parts.walkProduce, 'a test broker', { clock: parts.clock, files: parts.files });
    this.#parts = parts;
  }

  override close(): Promise<void> {
    this.#dropAlarm();
    return super.close();
  }

  protected override setAlarm(atMs: number): void {
    this.#dropAlarm();
    if (atMs === Infinity || this.closed) return;
    this.#dropAlarm = this.#parts.clock.at(atMs, () => this.alarm());
  }

  protected override join(socket: Socket, give: (chunk: Uint8Array) => void): Tap {
    return this.#parts.tap(socket, give);
  }
}
