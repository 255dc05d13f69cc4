// One partition on its way to a WebSocket, as far as its credit goes. Owner: the supervisor's thread. Warm: once a frame.
//
// Credit is bytes of frames: one is sent while there is any, and takes its own length from it. A subscriber without credit
// holds nothing here: the next fetch is made when there is some.

import type { TopicImage } from '../../../engine/metadata/metadata-image.ts';
import type { FetchedChunk } from '../../../engine/record/fetched-chunk.ts';
import { SILENCE_MS } from '../http-server.ts';
import type { SocketPeer } from '../socket-exchange.ts';
import type { GatewayLog } from './gateway-log.ts';
import { fetchAt, givenOffset } from './partition-cursor.ts';
import { recordMsgpack } from './record-json.ts';

export interface SubscriptionTerms {
  readonly id: number;
  readonly log: GatewayLog;
  readonly topic: TopicImage;
  readonly partition: number;
  readonly peer: SocketPeer;
  cutOff(reason: string): void;
  /** @returns bytes of the frame */
  send(frame: Readonly<Record<string, unknown>>): number;
}

const FETCH_BYTES = 256 * 1024;
const FETCH_WAIT_MS = 30_000;
const FRAME_RECORDS_MAX = 500;
const FRAME_BYTES = 64 * 1024;

export class StreamSubscription {
  private readonly terms: SubscriptionTerms;
  private readonly stop = new AbortController();
  private creditBytes = 0;
  private wake: (() => void) | null = null;

  constructor(terms: SubscriptionTerms) {
    this.terms = terms;
  }

  get ended(): boolean {
    return this.stop.signal.aborted;
  }

  addCredit(bytes: number): void {
    this.creditBytes += bytes;
    if (this.creditBytes > 0) this.wake?.();
  }

  end(): void {
    this.stop.abort(new Error('the subscription has ended'));
    this.wake?.();
  }

  /** Until it ends. @throws HttpRefusal, or what a broker that stops rejects with */
  async run(offset: string): Promise<void> {
    const { id, log, topic, partition, send } = this.terms;
    const { signal } = this.stop;
    let position = await givenOffset(log, topic, partition, offset);
    send({ t: 'subscribed', id, next: position });
    while (!this.ended) {
      await this.credit();
      const { chunk, logStartOffset, highWatermark } = await fetchAt(log, topic, partition, position, FETCH_BYTES, FETCH_WAIT_MS, signal);
      if (chunk === null) {
        const next = position < logStartOffset ? logStartOffset : highWatermark;
        send({ t: 'gap', id, from: position, next });
        position = next;
      } else position = await this.sendChunk(chunk, position);
    }
  }

  private async sendChunk(chunk: FetchedChunk, position: number): Promise<number> {
    const { id, send } = this.terms;
    let next = position;
    while (chunk.hasMore() && !this.ended) {
      await this.credit();
      const records: unknown[] = [];
      let bytes = 0;
      while (records.length < FRAME_RECORDS_MAX && bytes < FRAME_BYTES) {
        const record = chunk.next();
        if (record === null) break;
        next = record.offset + 1;
        bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0);
        records.push(recordMsgpack(record));
      }
      if (!this.ended) this.creditBytes -= send({ t: 'records', id, next, records });
    }
    return Math.max(next, chunk.nextOffset);
  }

  /** There is credit, and the network has taken what was sent. */
  private async credit(): Promise<void> {
    const { peer, cutOff } = this.terms;
    while (this.creditBytes <= 0 && !this.ended) {
      await new Promise<void>((resolve) => (this.wake = resolve));
      this.wake = null;
    }
    if (this.ended) return;
    const limit = setTimeout(() => cutOff(`nothing was taken for ${SILENCE_MS / 1000} s`), SILENCE_MS);
    await peer.drained();
    clearTimeout(limit);
  }
}
