// A client of a broker whose shards are nodes of their own: one connection a node, each request to the node that leads
// what it names, as real clients do it. Owner: the test's thread.
//
// Answers keep their order within a node.

import type { ApiSchema } from '../../src/net/kafka/schema/api-schema.ts';
import type { ClientFace } from './client-face.ts';
import type { Leaders } from './leaders.ts';

export class RoutingClient implements ClientFace {
  /** By node id; in the order of the nodes. */
  private readonly nodes: ReadonlyMap<number, ClientFace>;
  private readonly first: ClientFace;
  private readonly leaders: Leaders;
  /** Ids of requests under way are their node's own: this tells whose. */
  private readonly asked = new Map<number, { client: ClientFace; id: number }>();
  private nextId = 0;
  /** Requests of a session name nothing: they go where the session was begun. */
  private lastFetchedFrom: ClientFace;

  constructor(nodes: ReadonlyMap<number, ClientFace>, leaders: Leaders) {
    this.nodes = nodes;
    this.leaders = leaders;
    this.first = nodes.values().next().value!;
    this.lastFetchedFrom = this.first;
  }

  get isGone(): boolean {
    return this.all.some((one) => one.isGone);
  }

  send(bytes: Uint8Array): Promise<void> {
    return this.first.send(bytes);
  }

  request<Req, Res, ReqInput, ResInput>(api: ApiSchema<Req, Res, ReqInput, ResInput>, version: number, request: ReqInput): number {
    const client = this.clientFor(api.key, request);
    const id = this.nextId++;
    this.asked.set(id, { client, id: client.request(api, version, request) });
    return id;
  }

  answer<Req, Res, ReqInput, ResInput>(
    api: ApiSchema<Req, Res, ReqInput, ResInput>,
    version: number,
    correlationId: number,
    deadlineMs?: number,
  ): Promise<Res> {
    const { client, id } = this.asked.get(correlationId)!;
    this.asked.delete(correlationId);
    return client.answer(api, version, id, deadlineMs);
  }

  async call<Req, Res, ReqInput, ResInput>(
    api: ApiSchema<Req, Res, ReqInput, ResInput>,
    version: number,
    request: ReqInput,
    deadlineMs?: number,
  ): Promise<Res> {
    if (this.leaders.nodeOf(api.key, request) === undefined) await this.leaders.refresh(this.first);
    return this.answer(api, version, this.request(api, version, request), deadlineMs);
  }

  /** The next answer of any node. */
  async frame(): Promise<Buffer> {
    for (;;) {
      const frame = this.takeFrame();
      if (frame !== null) return frame;
      if (this.isGone) throw new Error('the broker closed the connection');
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  takeFrame(): Buffer | null {
    for (const one of this.all) {
      const frame = one.takeFrame();
      if (frame !== null) return frame;
    }
    return null;
  }

  /** Resolves when one of its nodes has closed the connection. */
  async closed(deadlineMs?: number): Promise<void> {
    await Promise.any(this.all.map((one) => one.closed(deadlineMs)));
  }

  end(): void {
    for (const one of this.all) one.end();
  }

  destroy(): void {
    for (const one of this.all) one.destroy();
  }

  private get all(): ClientFace[] {
    return [...this.nodes.values()];
  }

  private clientFor(apiKey: number, request: unknown): ClientFace {
    const node = this.leaders.nodeOf(apiKey, request);
    if (apiKey !== 1) return this.nodes.get(node ?? -1) ?? this.first;
    this.lastFetchedFrom = node === null ? this.lastFetchedFrom : (this.nodes.get(node ?? -1) ?? this.first);
    return this.lastFetchedFrom;
  }
}
