// Takes clicks in over HTTP. A 201 means that the click is on the disk; a 429 or 503 that the client should come again.

import Fastify from 'fastify';
import { codec, open, RinglogError } from 'ringlog';

const { DATA = './data', PORT = '3000', KAFKA_PORT = '9092', IN_FLIGHT_BYTES_MAX = String(24 * 1024 * 1024) } = process.env;

const log = await open({
  dir: DATA,
  topics: { clicks: 4 },
  kafka: { port: Number(KAFKA_PORT) },
  // The first worker begins at once, not when others had 3 s to join.
  config: { 'group.initial.rebalance.delay.ms': 0 },
  // Nothing more can be stored: whoever supervises this process starts it again.
  onDeath: (cause) => {
    console.error(cause);
    process.exit(1);
  },
});
const clicks = log.producer({ value: codec.json(), deliveryTimeoutMs: 5000 });

const app = Fastify({ bodyLimit: 16 * 1024 });
const click = {
  type: 'object',
  required: ['user', 'page'],
  properties: { user: { type: 'string', maxLength: 100 }, page: { type: 'string', pattern: '^/', maxLength: 2000 } },
};

const comeAgain = (reply, status, error) => reply.code(status).header('retry-after', '1').send({ error });

app.post('/clicks', { schema: { body: click } }, async (request, reply) => {
  // The disk is behind: the clients wait, not this process's memory.
  if (clicks.inFlightBytes >= Number(IN_FLIGHT_BYTES_MAX)) return comeAgain(reply, 429, 'too many clicks at once');
  const { user, page } = request.body;
  try {
    // A user's clicks stay in order: one key, one partition. Clicks that come at the same time share a write and a flush.
    const { partition, offset } = await clicks.send('clicks', { key: user, value: { page } });
    return reply.code(201).send({ partition, offset });
  } catch (error) {
    const passes = error instanceof RinglogError && (error.retriable || error.code === 'CLOSED');
    if (!passes) throw error;
    return comeAgain(reply, 503, error.message);
  }
});

const url = await app.listen({ port: Number(PORT), host: '127.0.0.1' });
console.log(`clicks: ${url}, Kafka: ${log.brokers.join(',')}, ${log.engine.kind}`);

async function stop() {
  // What was taken is answered first.
  await app.close();
  await log.close();
}
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
