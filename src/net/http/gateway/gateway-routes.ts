// The gateway: records in and out over HTTP, for whoever has no Kafka client. docs/gateway.md is its reference. Owner: the
// supervisor's thread.

import type { HttpRoute } from '../http-exchange.ts';
import { fetchRoutes } from './fetch-routes.ts';
import type { GatewayTerms } from './gateway-log.ts';
import { produceRoute } from './produce-route.ts';
import { tailRoute } from './tail-route.ts';

export function gatewayRoutes(terms: GatewayTerms): HttpRoute[] {
  return [produceRoute(terms), ...fetchRoutes(terms), tailRoute(terms)];
}
