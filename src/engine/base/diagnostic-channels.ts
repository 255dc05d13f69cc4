// What tracing and metrics of others may listen to: channels of node:diagnostics_channel, each a tracing channel, of this
// thread. Owner: constant. Hot: without a listener a look at a flag, once a batch, fetch or request.

import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel';

/** A record batch of an embedded producer or of the gateway, from when it is handed to its shard to its answer. */
export interface AppendEvent {
  readonly topic: string;
  readonly partition: number;
  readonly records: number;
  readonly bytes: number;
  /** As in Produce: 0, 1, -1. */
  readonly acks: number;
  /** Kafka's, once there is an answer; what is none has `error`. */
  errorCode?: number;
  /** Of the first record; -1 on errors and with acks=0. */
  offset?: number;
  /** The broker is gone. */
  error?: unknown;
}

/** A fetch of an embedded consumer or of the gateway; it may have waited for something to come. */
interface FetchEvent {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly maxBytes: number;
  readonly waitMs: number;
  /** What was fetched: `records` are batches as stored. */
  result?: { readonly errorCode: number; readonly records: Uint8Array; readonly highWatermark: number };
  error?: unknown;
}

/** A request to the HTTP listener, until its answer begins; for a WebSocket until it is let in or not. */
export interface HttpEvent {
  readonly method: string;
  readonly path: string;
  /** By a name in lower case: `traceparent`. */
  readonly header: (name: string) => string | undefined;
  /** As `/v1/topics/:topic/records`, once one is found. */
  route?: string;
  /** 101 for a WebSocket that was let in. */
  status?: number;
  error?: unknown;
}

export const appendChannel: TracingChannel<unknown, AppendEvent> = tracingChannel('ringlog:append');
export const fetchChannel: TracingChannel<unknown, FetchEvent> = tracingChannel('ringlog:fetch');
export const httpChannel: TracingChannel<unknown, HttpEvent> = tracingChannel('ringlog:http');
