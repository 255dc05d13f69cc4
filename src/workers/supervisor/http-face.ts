// The broker's HTTP listener: metrics, health and the console, over what the shards' counters say. Owner: the supervisor's
// thread. Not hot: no shard is asked, and none waits.

import type { HttpListener } from '../../engine/base/config-listeners.ts';
import type { BrokerReading } from '../../engine/metadata/broker-reading.ts';
import type { BrokerFaceFacts, BrokerView } from '../../net/http/broker-view.ts';
import type { BrokerLog } from './broker-log.ts';

export interface HttpFace {
  readonly port: number;
  /** The broker is up: clients are accepted. */
  opened(facts: BrokerFaceFacts, read: () => BrokerReading): void;
  close(): Promise<void>;
}

const NOTHING: BrokerReading = { wallMs: 0, shards: [], topics: [], partitions: [], groups: [] };

/** @throws an Error with `code` EADDRINUSE, EACCES, EADDRNOTAVAIL … */
export async function openHttpFace({ host, port, token, loopback }: HttpListener, log: BrokerLog): Promise<HttpFace> {
  // Loaded only where it is asked for.
  const [{ HttpDispatch }, { listenHttp }, { healthRoutes }, { metricsRoute }, { consoleRoutes }] = await Promise.all([
    import('../../net/http/http-dispatch.ts'),
    import('../../net/http/node-http-server.ts'),
    import('../../net/http/health-routes.ts'),
    import('../../net/http/metrics/metrics-route.ts'),
    import('../../net/http/console/console-routes.ts'),
  ]);
  let facts: BrokerFaceFacts | null = null;
  let read = (): BrokerReading => NOTHING;
  const view: BrokerView = { ready: () => facts !== null, facts: () => facts, read: () => read() };
  const routes = [...healthRoutes(view), metricsRoute(view), ...consoleRoutes(view)];
  const dispatch = new HttpDispatch(routes, { token, loopback }, (path, error) =>
    log.error(`HTTP ${path} failed: ${error instanceof Error ? error.stack : String(error)}`),
  );
  const listening = await listenHttp(host, port, (request) => dispatch.answer(request));
  return {
    port: listening.port,
    opened: (known, source) => {
      facts = known;
      read = source;
    },
    close: () => listening.close(),
  };
}
