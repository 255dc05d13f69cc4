// A producer for another thread of the process: the handle is posted there, and opened. Owner: handle, the thread that opened
// the log; producer, the thread that opens the handle. Not hot itself.

import type { MessagePort } from 'node:worker_threads';
import { type GuestPass, GuestCaller } from '../workers/caller/guest-caller.ts';
import { Producer, type ProducerOptions } from './producer.ts';
import { asRinglogError } from './ringlog-error.ts';

/** To be posted with its port: `worker.postMessage(handle, [handle.port])`. For one producer, once. */
export interface ProducerHandle {
  readonly port: MessagePort;
  /** Of no interest to whoever posts it. */
  readonly pass: Omit<GuestPass, 'port'>;
  readonly durable: boolean;
}

/**
 * On the thread that the handle was posted to. The producer keeps that thread alive until it, or the log, is closed.
 * @throws RinglogError INVALID_ARGUMENT
 */
export function openProducer<K = Uint8Array | string, V = Uint8Array | string>(
  { port, pass, durable }: ProducerHandle,
  options: ProducerOptions<K, V> = {},
): Producer<K, V> {
  const caller: GuestCaller = new GuestCaller(
    { ...pass, port },
    {
      end: () => void producer.close().catch(() => undefined),
      lose: (reason) => producer.lose(asRinglogError(reason) as Error),
    },
  );
  const producer: Producer<K, V> = new Producer(caller, durable, options, () => caller.close());
  return producer;
}
