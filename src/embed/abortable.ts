// Waiting that a signal ends. Owner: the calling thread. Not hot.

export interface AbortOptions {
  /** Ends the wait: the call rejects with the signal's reason. What a shard was asked already may still happen. */
  readonly signal?: AbortSignal | undefined;
}

/** What `ask` brings, or the signal's reason when that comes first; a signal aborted before, and nothing is asked. */
export function abortable<T>(signal: AbortSignal | undefined, ask: () => Promise<T>): Promise<T> {
  if (signal === undefined) return ask();
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const asked = ask();
    const aborted = (): void => reject(signal.reason);
    signal.addEventListener('abort', aborted, { once: true });
    asked.finally(() => signal.removeEventListener('abort', aborted)).then(resolve, reject);
  });
}
