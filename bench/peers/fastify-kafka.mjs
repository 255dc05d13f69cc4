// What a Node service builds today in the gateway's place: Fastify, ws, and @platformatic/kafka in front of Apache Kafka. It
// takes the gateway's requests and frames, as far as bench/gateway.mjs sends them, and answers when Kafka has. What comes in
// one turn of the loop goes to Kafka as one request, as a careful service would have it.
//
//   node fastify-kafka.mjs '{ "packages", "kafkaPort", "partitions" }'   prints its port

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import Fastify from 'fastify';
import { pack, unpack } from 'msgpackr';
import { WebSocketServer } from 'ws';

/** A little less than the most that Kafka takes of records of 1 kB in each partition's batch. */
const RECORDS_MAX = 4000;
const { packages, kafkaPort, partitions } = JSON.parse(process.argv[2]);
const resolved = createRequire(join(packages, 'package.json')).resolve('@platformatic/kafka');
const { Admin, Producer } = await import(pathToFileURL(resolved).href);
const base = { clientId: 'gateway', bootstrapBrokers: [`127.0.0.1:${kafkaPort}`], retries: 20, retryDelay: 100 };
const admin = new Admin(base);
await admin.createTopics({ topics: ['clicks'], partitions, replicas: 1 }).catch(() => undefined);
await admin.close();
const producer = new Producer({ ...base, maxInflights: 5000 });

const waiting = { '-1': [], 1: [] };
let next = 0;
const text = (value) => (typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value));

function flush(acks) {
  const round = [];
  for (let count = 0; waiting[acks].length > 0 && count < RECORDS_MAX;) {
    round.push(waiting[acks].shift());
    count += round.at(-1).records.length;
  }
  if (waiting[acks].length > 0) setImmediate(flush, acks);
  const messages = round.flatMap(({ records }) => {
    const partition = next++ % partitions;
    return records.map(({ value }) => ({ topic: 'clicks', partition, value: Buffer.from(text(value)) }));
  });
  producer.send({ acks: Number(acks), messages }).then(
    () => round.forEach(({ resolve }) => resolve()),
    (error) => round.forEach(({ reject }) => reject(error)),
  );
}

function send(records, acks) {
  return new Promise((resolve, reject) => {
    if (waiting[acks].length === 0) setImmediate(flush, acks);
    waiting[acks].push({ records, resolve, reject });
  });
}

const acksOf = (given) => (given === '1' || given === 1 ? '1' : '-1');
const app = Fastify({ bodyLimit: 8 << 20, forceCloseConnections: true });
app.addContentTypeParser('application/x-ndjson', { parseAs: 'string' }, (_request, body, done) =>
  done(
    null,
    body
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line)),
  ),
);
app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) => done(null, [{ value: body }]));
app.post('/v1/topics/clicks/records', async ({ body, query }) => {
  const records = Array.isArray(body) ? body : body.records;
  await send(records, acksOf(query.acks));
  return { topic: 'clicks', count: records.length };
});
const sockets = new WebSocketServer({ server: app.server, perMessageDeflate: false });
sockets.on('connection', (socket) => {
  socket.on('message', async (frame) => {
    const { id, records, acks } = unpack(frame);
    await send(records, acksOf(acks));
    socket.send(pack({ t: 'ack', id }));
  });
});
await app.listen({ host: '127.0.0.1', port: 0 });
console.log(app.server.address().port);
