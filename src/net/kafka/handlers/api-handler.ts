// What a handler of one API is, apart from Produce and Fetch, which have a form of their own for speed.
// Owner: the shard's thread. Not hot.
//
// A handler gets a decoded request and returns the answer, at once or as a promise; its place in line is kept meanwhile.
// Per-item failures are error codes in the answer. A thrown BrokenInvariant is a bug and ends the process; any other
// exception is logged and answered with UNKNOWN_SERVER_ERROR where the API's answer has a place for it, otherwise the
// connection is closed.

import type { ByteReader } from '../../../engine/base/byte-reader.ts';
import type { ByteWriter } from '../../../engine/base/byte-writer.ts';
import type { ShardServices } from '../../../engine/broker/shard-services.ts';

/** Who asks, and with which version. */
export interface RequestContext {
  readonly apiVersion: number;
  readonly clientId: string;
  /** The peer's IP address. */
  readonly clientHost: string;
  /** Name of the listener the connection came in by, for the endpoints in Metadata. */
  readonly listener: string;
  readonly services: ShardServices;
  /** Tells the connection what the client says of itself (ApiVersions 3+). */
  noteSoftware(name: string, version: string): void;
}

/** The parts of an ApiSchema that dispatch needs; a schema of any request and answer fits. */
interface ApiCodec<Req, Res> {
  readonly key: number;
  readonly name: string;
  readonly minVersion: number;
  readonly maxVersion: number;
  readonly maxStableVersion: number;
  readonly flexibleSince: number;
  readonly decodeRequest: (r: ByteReader, version: number) => Req;
  readonly encodeResponse: (w: ByteWriter, m: Res, version: number) => void;
}

export interface ApiHandler<Req, Res> {
  readonly api: ApiCodec<Req, Res>;
  /** Versions advertised; the codec's stable range when absent. */
  readonly versions?: { readonly min: number; readonly max: number };
  readonly handle: (context: RequestContext, request: Req) => Res | Promise<Res>;
}

/** Binds request and answer types of one schema; the registry stores handlers without them. */
export function apiHandler<Req, Res>(handler: ApiHandler<Req, Res>): AnyApiHandler {
  return handler as unknown as AnyApiHandler;
}

/** A handler whose request and answer types have been forgotten: what one decodes is what it is given. */
export type AnyApiHandler = ApiHandler<unknown, unknown>;
