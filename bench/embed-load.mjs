// One run of bench/embed.mjs in a process of its own: sends of VALUE_BYTES into one system by callers that each wait for
// their answer. Prints one line of JSON.
//
//   node --expose-gc embed-load.mjs '{ "system", "level", "callers", "batch", "endToEnd", "seconds", "warmSeconds", "dir", "port", "packages" }'

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build as buildHistogram } from 'hdr-histogram-js';

const VALUE_BYTES = 1000;
const BATCH_RECORDS = 1000;
/** Four partitions' batches of a little less than 1 MB, the most that Kafka takes. */
const KAFKA_RECORDS = 4000;
const run = JSON.parse(process.argv[2]);
const value = Buffer.alloc(VALUE_BYTES, 0x78);
const peer = (name) => import(pathToFileURL(createRequire(join(run.packages, 'package.json')).resolve(name)).href);

/** What is sent in one turn of the loop goes as one: where a client does not do that itself, callers could not share a sync. */
function together(store, most = Infinity) {
  let waiting = [];
  const flush = () => {
    const round = waiting.splice(0, most);
    if (waiting.length > 0) setImmediate(flush);
    store(round.length).then(
      () => round.forEach(({ resolve }) => resolve()),
      (error) => round.forEach(({ reject }) => reject(error)),
    );
  };
  return () =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(flush);
      waiting.push({ resolve, reject });
    });
}

/** Each gives `send()`, of one record or of a batch, and `close()`. */
const systems = {
  async ringlog() {
    const { open } = await import('../dist/bundle/embed.js');
    const log = await open({ dir: run.dir, shards: run.shards, config: run.config, topics: { t: run.endToEnd ? 1 : 4 } });
    const producer = log.producer({ acks: run.level === 'disk' ? 'all' : 1 });
    const record = { value };
    const records = Array.from({ length: BATCH_RECORDS }, () => record);
    if (run.endToEnd) {
      const consumer = log.consumer({ topics: ['t'] });
      const pass = () => {
        const sent = producer.send('t', record);
        return Promise.all([sent, consumer.next()]);
      };
      return { send: pass, close: () => log.close() };
    }
    return { send: () => (run.batch ? producer.sendBatch('t', records) : producer.send('t', record)), close: () => log.close() };
  },
  async sqlite() {
    const { default: Database } = await peer('better-sqlite3');
    const db = new Database(join(run.dir, 'peer.db'));
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.exec('CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY, value BLOB)');
    const insert = db.prepare('INSERT INTO log (value) VALUES (?)');
    const commit = db.transaction((count) => {
      for (let i = 0; i < count; i++) insert.run(value);
    });
    return { send: together(async (count) => commit(count)), close: async () => db.close() };
  },
  async redis() {
    const { Redis } = await peer('ioredis');
    const redis = new Redis({ port: run.port, enableAutoPipelining: true });
    return { send: () => redis.xadd('t', '*', 'v', value), close: () => redis.quit() };
  },
  async nats() {
    const { connect } = await peer('nats');
    const connection = await connect({ servers: `127.0.0.1:${run.port}` });
    const manager = await connection.jetstreamManager();
    await manager.streams.add({ name: 's', subjects: ['t'], storage: 'file' }).catch(() => undefined);
    const stream = connection.jetstream();
    return { send: () => stream.publish('t', value, { timeout: 60_000 }), close: () => connection.close() };
  },
  async kafka() {
    const { Admin, Producer } = await peer('@platformatic/kafka');
    const base = { clientId: 'bench', bootstrapBrokers: [`127.0.0.1:${run.port}`], retries: 20, retryDelay: 100 };
    const admin = new Admin(base);
    await admin.createTopics({ topics: ['t'], partitions: 4, replicas: 1 }).catch(() => undefined);
    await admin.close();
    const producer = new Producer({ ...base, maxInflights: 5000 });
    let next = 0;
    const acks = run.level === 'disk' ? -1 : 1;
    const messages = (count) => Array.from({ length: count }, () => ({ topic: 't', partition: next++ % 4, value }));
    const send = together((count) => producer.send({ acks, messages: messages(count) }), KAFKA_RECORDS);
    return { send, close: () => producer.close() };
  },
};

async function measure(send, callers, seconds) {
  const histogram = buildHistogram({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 });
  globalThis.gc();
  let allocated = 0;
  let lastHeap = process.memoryUsage().heapUsed;
  let count = 0;
  const begunMs = performance.now();
  const endMs = begunMs + seconds * 1000;
  // Between collections the heap only grows: its steps upward are what was allocated.
  const watch = setInterval(() => {
    const heap = process.memoryUsage().heapUsed;
    if (heap > lastHeap) allocated += heap - lastHeap;
    lastHeap = heap;
  }, 2);
  const caller = async () => {
    for (let now = performance.now(); now < endMs;) {
      await send();
      const done = performance.now();
      histogram.recordValue(Math.max(1, Math.round((done - now) * 1000)));
      count += run.batch ? BATCH_RECORDS : 1;
      now = done;
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  clearInterval(watch);
  const took = (performance.now() - begunMs) / 1000;
  const [p50, p99, p999] = [50, 99, 99.9].map((percentile) => histogram.getValueAtPercentile(percentile));
  return { rate: count / took, p50, p99, p999, heapBytes: allocated / count };
}

const { send, close } = await systems[run.system]();
await measure(send, run.callers, run.warmSeconds);
const result = await measure(send, run.callers, run.seconds);
await close();
console.log(JSON.stringify(result));
