// The broker's HTTP listener: metrics, health and the console, over what the shards' counters say, and the gateway, over the
// caller's rings. Owner: the supervisor's thread.

import { isMainThread } from 'node:worker_threads';
import type { HttpListener } from '../../engine/base/config-listeners.ts';
import type { BrokerConfig } from '../../engine/base/config-schema.ts';
import type { BrokerReading } from '../../engine/metadata/broker-reading.ts';
import type { BrokerFaceFacts, BrokerView } from '../../net/http/broker-view.ts';
import type { GatewayLog, GatewayTerms } from '../../net/http/gateway/gateway-log.ts';
import type { HttpEngineChoice, HttpEngineFacts } from '../../net/http/http-engine.ts';
import { HttpRefusal, type HttpRequest } from '../../net/http/http-exchange.ts';
import { ClientLines } from '../shard/client-lines.ts';
import type { BrokerLog } from './broker-log.ts';

export interface HttpFace {
  readonly port: number;
  readonly engine: HttpEngineFacts;
  /** The broker is up: clients are accepted. */
  opened(facts: BrokerFaceFacts, read: () => BrokerReading, log: GatewayLog): void;
  close(): Promise<void>;
}

/** Asked about each request that is not open to anybody, after the token: false refuses it. */
export type HttpAuthorize = (request: HttpRequest) => boolean | Promise<boolean>;

/** A client has a part in what is said of it. */
const REASON_CHARS_MAX = 200;
const NOTHING: BrokerReading = { wallMs: 0, shards: [], topics: [], partitions: [], groups: [] };

/** @throws an Error with `code` EADDRINUSE, EACCES, EADDRNOTAVAIL …, or when the engine that is asked for does not load */
export async function openHttpFace(
  { host, port, token, loopback }: HttpListener,
  config: BrokerConfig,
  authorize: HttpAuthorize | undefined,
  log: BrokerLog,
): Promise<HttpFace> {
  // Loaded only where it is asked for.
  const [{ HttpDispatch }, { httpEngine }, { healthRoutes }, { metricsRoute }, { consoleRoutes }, { gatewayRoutes }, { streamRoute }] =
    await Promise.all([
      import('../../net/http/http-dispatch.ts'),
      import('../../net/http/http-engine.ts'),
      import('../../net/http/health-routes.ts'),
      import('../../net/http/metrics/metrics-route.ts'),
      import('../../net/http/console/console-routes.ts'),
      import('../../net/http/gateway/gateway-routes.ts'),
      import('../../net/http/gateway/stream-route.ts'),
    ]);
  let facts: BrokerFaceFacts | null = null;
  let read = (): BrokerReading => NOTHING;
  let gatewayLog: GatewayLog | null = null;
  const view: BrokerView = { ready: () => facts !== null, facts: () => facts, read: () => read() };
  const clients = new ClientLines(
    ({ message, detail }) => log.warn(message, detail),
    () => performance.now(),
    'HTTP turned away',
  );
  const turnedAway = (remote: string, reason: string): void => clients.refused(remote, '', reason.slice(0, REASON_CHARS_MAX), remote);
  const terms: GatewayTerms = {
    log: () => {
      if (gatewayLog === null) throw new HttpRefusal(503, 'the broker is starting: try again', { 'retry-after': '1' });
      return gatewayLog;
    },
    syncsBeforeAck: config['ringlog.fsync'] === 'before-ack',
    bodyBytesMax: config['ringlog.http.body.bytes.max'],
    inFlightBytesMax: config['ringlog.http.inflight.bytes.max'],
    wallMs: Date.now,
    turnedAway,
  };
  const routes = [...healthRoutes(view), metricsRoute(view), ...consoleRoutes(view), ...gatewayRoutes(terms)];
  const guard = { token, loopback, origins: config['ringlog.http.origins'], authorize };
  const failed = (path: string, error: unknown): void =>
    log.error(`HTTP ${path} failed: ${error instanceof Error ? error.stack : String(error)}`);
  const dispatch = new HttpDispatch(routes, [streamRoute(terms)], guard, { failed, turnedAway });
  const { name, reason, listen } = await httpEngine(config['ringlog.http.engine'] as HttpEngineChoice, !isMainThread);
  const listening = await listen(host, port, dispatch);
  return {
    engine: { name, reason },
    port: listening.port,
    opened: (known, source, gateway) => {
      facts = known;
      read = source;
      gatewayLog = gateway;
    },
    close: () => listening.close(),
  };
}
