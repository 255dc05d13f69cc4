// A small Kafka client connection for the command line: one socket, requests pipelined, answers matched in order.
// Owner: the calling thread. Not hot. It speaks to any Kafka 2.1 or later, not only to Ringlog.

import { connect, type Socket } from 'node:net';
import { ByteReader } from '../../../engine/base/byte-reader.ts';
import { ByteWriter } from '../../../engine/base/byte-writer.ts';
import { errorName } from '../../../engine/base/error-code.ts';
import type { ApiSchema } from '../schema/api-schema.ts';
import { apiVersionsApi } from '../schema/generated/api-versions.ts';

const CLIENT_ID = 'ringlog-cli';
const DEFAULT_TIMEOUT_MS = 30_000;
const API_VERSIONS_VERSION = 3;

interface Waiting {
  readonly correlationId: number;
  readonly decode: (reader: ByteReader) => unknown;
  readonly resolve: (response: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The server answered something it must not, or went away. */
export class KafkaConnectionError extends Error {
  override readonly name = 'KafkaConnectionError';
}

/** What a server said no with. */
export class KafkaError extends Error {
  override readonly name = 'KafkaError';
  readonly code: number;

  constructor(code: number, what: string, detail?: string | null) {
    super(`${what}: ${detail ?? errorName(code)}`);
    this.code = code;
  }
}

export class KafkaConnection {
  readonly address: string;
  private readonly socket: Socket;
  private readonly waiting: Waiting[] = [];
  private readonly ranges = new Map<number, { minVersion: number; maxVersion: number }>();
  private received: Buffer = Buffer.alloc(0);
  private nextCorrelationId = 1;
  private closedBy: Error | null = null;

  private constructor(socket: Socket, address: string) {
    this.socket = socket;
    this.address = address;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.onData(chunk));
    socket.on('error', (error) => this.fail(new KafkaConnectionError(`${address}: ${error.message}`)));
    socket.on('close', () => this.fail(new KafkaConnectionError(`${address} closed the connection`)));
  }

  /** Connect and learn which versions the server speaks. @throws KafkaConnectionError */
  static async open(host: string, port: number, timeoutMs: number = DEFAULT_TIMEOUT_MS): Promise<KafkaConnection> {
    const address = `${host}:${port}`;
    const socket = connect({ host, port });
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => socket.destroy(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs);
      socket.once('connect', () => {
        clearTimeout(timer);
        resolve();
      });
      socket.once('error', (error) => {
        clearTimeout(timer);
        reject(new KafkaConnectionError(`cannot reach ${address}: ${error.message}`));
      });
    });
    const connection = new KafkaConnection(socket, address);
    await connection.learnVersions();
    return connection;
  }

  /** The highest version both sides speak. @throws KafkaConnectionError when there is none */
  versionOf(api: { readonly key: number; readonly name: string; readonly minVersion: number; readonly maxStableVersion: number }): number {
    const range = this.ranges.get(api.key);
    const version = range === undefined ? -1 : Math.min(range.maxVersion, api.maxStableVersion);
    if (range === undefined || version < range.minVersion || version < api.minVersion) {
      throw new KafkaConnectionError(`${this.address} does not offer ${api.name} in a version this client speaks`);
    }
    return version;
  }

  /** Send one request at the highest common version (or at `version`) and wait for its answer. */
  call<Req, Res, ReqInput, ResInput>(
    api: ApiSchema<Req, Res, ReqInput, ResInput>,
    request: ReqInput,
    version = this.versionOf(api),
  ): Promise<Res> {
    if (this.closedBy !== null) return Promise.reject(this.closedBy);
    const correlationId = this.nextCorrelationId++;
    const tagged = version >= api.flexibleSince && api.key !== apiVersionsApi.key;
    return new Promise<Res>((resolve, reject) => {
      const decode = (reader: ByteReader): unknown => {
        if (tagged) reader.skipTags();
        return api.decodeResponse(reader, version);
      };
      this.waiting.push({ correlationId, decode, resolve: resolve as (response: unknown) => void, reject });
      this.socket.write(frameOf(api, request, version, correlationId));
    });
  }

  /** Send a request that has no answer (Produce with acks=0); resolves when the socket has taken it. */
  send<Req, Res, ReqInput, ResInput>(api: ApiSchema<Req, Res, ReqInput, ResInput>, request: ReqInput, version: number): Promise<void> {
    if (this.closedBy !== null) return Promise.reject(this.closedBy);
    const frame = frameOf(api, request, version, this.nextCorrelationId++);
    return new Promise((resolve, reject) =>
      this.socket.write(frame, (error) =>
        error == null ? resolve() : reject(new KafkaConnectionError(`${this.address}: ${error.message}`)),
      ),
    );
  }

  close(): void {
    this.closedBy ??= new KafkaConnectionError('closed');
    this.socket.destroy();
  }

  private async learnVersions(): Promise<void> {
    const request = { clientSoftwareName: CLIENT_ID, clientSoftwareVersion: '1' };
    const response = await this.call(apiVersionsApi, request, API_VERSIONS_VERSION);
    if (response.errorCode !== 0) throw new KafkaError(response.errorCode, 'ApiVersions');
    for (const { apiKey, minVersion, maxVersion } of response.apiKeys) this.ranges.set(apiKey, { minVersion, maxVersion });
  }

  private onData(chunk: Buffer): void {
    this.received = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk]);
    while (this.received.length >= 4) {
      const size = this.received.readInt32BE(0);
      if (this.received.length < size + 4) return;
      const frame = this.received.subarray(4, size + 4);
      this.received = this.received.subarray(size + 4);
      this.onFrame(frame);
    }
  }

  private onFrame(frame: Buffer): void {
    const next = this.waiting.shift();
    const reader = new ByteReader(frame);
    const correlationId = reader.int32();
    if (next === undefined || next.correlationId !== correlationId) {
      this.fail(new KafkaConnectionError(`${this.address} answered request ${correlationId} out of order`));
      return;
    }
    try {
      next.resolve(next.decode(reader));
    } catch (error) {
      next.reject(error as Error);
    }
  }

  private fail(error: Error): void {
    this.closedBy ??= error;
    this.socket.destroy();
    for (const { reject } of this.waiting.splice(0)) reject(this.closedBy);
  }
}

function frameOf<Req, Res, ReqInput, ResInput>(
  api: ApiSchema<Req, Res, ReqInput, ResInput>,
  request: ReqInput,
  version: number,
  correlationId: number,
): Uint8Array {
  const writer = new ByteWriter();
  writer.int32(0);
  writer.int16(api.key);
  writer.int16(version);
  writer.int32(correlationId);
  writer.nullableString(CLIENT_ID);
  if (version >= api.flexibleSince) writer.uvarint(0);
  api.encodeRequest(writer, request, version);
  const frame = writer.copy();
  new DataView(frame.buffer, frame.byteOffset).setInt32(0, frame.length - 4);
  return frame;
}
