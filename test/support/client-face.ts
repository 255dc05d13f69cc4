// What a test can do with a client, whether it is one connection or one to every node. Owner: tests.

import type { ApiSchema } from '../../src/net/kafka/schema/api-schema.ts';

export interface ClientFace {
  readonly isGone: boolean;
  send(bytes: Uint8Array): Promise<void>;
  request<Req, Res, ReqInput, ResInput>(api: ApiSchema<Req, Res, ReqInput, ResInput>, version: number, request: ReqInput): number;
  answer<Req, Res, ReqInput, ResInput>(
    api: ApiSchema<Req, Res, ReqInput, ResInput>,
    version: number,
    correlationId: number,
    deadlineMs?: number,
  ): Promise<Res>;
  call<Req, Res, ReqInput, ResInput>(
    api: ApiSchema<Req, Res, ReqInput, ResInput>,
    version: number,
    request: ReqInput,
    deadlineMs?: number,
  ): Promise<Res>;
  frame(deadlineMs?: number): Promise<Buffer>;
  takeFrame(): Buffer | null;
  closed(deadlineMs?: number): Promise<void>;
  end(): void;
  destroy(): void;
}
