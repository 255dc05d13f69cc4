// /metrics: Prometheus text, written by prom-client from the families and its own numbers of the process.
// Owner: the supervisor's thread; the shards are not asked. Not hot.

import { collectDefaultMetrics, type Metric, Registry } from 'prom-client';
import type { BrokerView } from '../broker-view.ts';
import type { HttpRoute } from '../http-exchange.ts';
import { kafkaFamilies } from './kafka-families.ts';
import type { MetricFamily } from './metric-family.ts';
import { ringlogFamilies } from './ringlog-families.ts';

export function metricsRoute(view: BrokerView): HttpRoute {
  const process = new Registry();
  collectDefaultMetrics({ register: process });
  return {
    method: 'GET',
    path: '/metrics',
    handle: async () => {
      const reading = view.read();
      const facts = view.facts();
      const families = [...kafkaFamilies(reading, facts), ...ringlogFamilies(reading, facts)];
      return {
        status: 200,
        headers: { 'content-type': process.contentType, 'cache-control': 'no-store' },
        body: `${await textOf(families)}\n${await process.metrics()}`,
      };
    },
  };
}

/** A family without samples is left out: its type would be all there is to say. */
async function textOf(families: readonly MetricFamily[]): Promise<string> {
  const registry = new Registry();
  for (const one of families) {
    if (one.values.length === 0) continue;
    // A registry asks each metric for what it says when it is scraped; a family is what it would answer.
    const metric = { name: one.name, get: async () => ({ ...one, aggregator: 'sum' }) };
    registry.registerMetric(metric as unknown as Metric);
  }
  return registry.metrics();
}
