// What clients have asked a test broker, the newest requests of all. Owner: the test's thread. Not hot.

import type { Target } from './request-targets.ts';

export interface SeenRequest {
  /** Kafka's name: `Produce`, `Fetch`, `JoinGroup` … */
  readonly api: string;
  readonly version: number;
  readonly clientId: string | null;
  /** Each once. */
  readonly topics: readonly string[];
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[];
  readonly groups: readonly string[];
  /** When it came, by the broker's clock. */
  readonly atMs: number;
}

export type RequestFilter = Partial<Pick<SeenRequest, 'api' | 'version' | 'clientId'>> & {
  readonly topic?: string;
  readonly partition?: number;
  readonly group?: string;
};

export class RequestLog {
  readonly #kept: number;
  #requests: SeenRequest[] = [];
  readonly #waiting = new Set<(request: SeenRequest) => void>();

  constructor(kept: number) {
    this.#kept = kept;
  }

  get newest(): readonly SeenRequest[] {
    return this.#requests.slice(Math.max(0, this.#requests.length - this.#kept));
  }

  note(api: string, version: number, clientId: string | null, targets: readonly Target[], atMs: number): void {
    const partitions: { topic: string; partition: number }[] = [];
    for (const { topic, partition } of targets) if (topic !== undefined && partition !== undefined) partitions.push({ topic, partition });
    const topics = [...new Set(targets.flatMap(({ topic }) => topic ?? []))];
    const groups = [...new Set(targets.flatMap(({ group }) => group ?? []))];
    const request = { api, version, clientId, topics, partitions, groups, atMs };
    this.#requests.push(request);
    // Not at every request, which would move all of them each time.
    if (this.#requests.length > 2 * this.#kept + 1) this.#requests = this.#requests.slice(this.#requests.length - this.#kept);
    for (const waiting of this.#waiting) waiting(request);
  }

  /** The next request from now on that fits. */
  next(filter: RequestFilter, signal: AbortSignal | undefined): Promise<SeenRequest> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const done = (): void => {
        this.#waiting.delete(look);
        signal?.removeEventListener('abort', onAbort);
      };
      const look = (request: SeenRequest): void => {
        if (!fits(filter, request)) return;
        done();
        resolve(request);
      };
      const onAbort = (): void => {
        done();
        reject(signal!.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(look);
    });
  }
}

function fits({ api, version, clientId, topic, partition, group }: RequestFilter, request: SeenRequest): boolean {
  if (api !== undefined && api !== request.api) return false;
  if (version !== undefined && version !== request.version) return false;
  if (clientId !== undefined && clientId !== request.clientId) return false;
  if (topic !== undefined && !request.topics.includes(topic)) return false;
  if (group !== undefined && !request.groups.includes(group)) return false;
  if (partition === undefined) return true;
  return request.partitions.some((one) => one.partition === partition && (topic === undefined || topic === one.topic));
}
