// Waiting that a signal ends. Owner: the calling thread. Not hot.

import { asRinglogError } from './ringlog-error.ts';

export interface AbortOptions {
  /** Ends the wait: the call rejects with the signal's reason. What a shard was asked already may still happen. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * What `ask` brings, or the signal's reason when that comes first; a signal aborted before, and nothing is asked.
 * @throws RinglogError CLOSED when the broker is gone
 */
export async function abortable<T>(signal: AbortSignal | undefined, ask: () => Promise<T>): Promise<T> {
  try {
    return await (signal === undefined ? ask() : untilAborted(signal, ask));
  } catch (error) {
    throw asRinglogError(error);
  }
}

function untilAborted<T>(signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const asked = ask();
    const aborted = (): void => reject(signal.reason);
    signal.addEventListener('abort', aborted, { once: true });
    asked.finally(() => signal.removeEventListener('abort', aborted)).then(resolve, reject);
  });
}
