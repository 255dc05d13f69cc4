// What sending costs the heap of the thread that sends, in windows without a collection (heap-window.mjs): prints bytes a
// record as JSON, the least of the windows. The others hold compiling, and whatever else happened.
//   node --expose-gc --min-semi-space-size=64 --max-semi-space-size=64 send-windows.mjs DIR LIMIT

import { open } from '../../dist/bundle/embed.js';
import { begin, end, settle } from './heap-window.mjs';

const WINDOWS_MAX = 40;
/** A window itself costs a quarter of a MB. */
const ROUNDS = 100;
const RECORDS = 2000;
const [dir, limit] = process.argv.slice(2);
const turn = () => new Promise((resolve) => setImmediate(resolve));

const log = await open({ dir, shards: 1, topics: { t: 2 }, config: { 'log.index.size.max.bytes': 65_536 } });
const producer = log.producer({ acks: 1 });
// Short bytes and long ones are copied in different ways.
const record = { key: Buffer.from('key'), value: Buffer.alloc(200, 0x78) };
const records = Array.from({ length: RECORDS }, () => record);

async function least(sends) {
  let found = Infinity;
  for (let window = 0; window < WINDOWS_MAX && found > Number(limit); window++) {
    await settle();
    begin();
    for (let i = 0; i < ROUNDS; i++) await sends();
    const { bytes, collections } = await end();
    if (collections === 0) found = Math.min(found, bytes / (ROUNDS * RECORDS));
  }
  return found;
}

const sendBatch = await least(() => producer.sendBatch('t', records));
const trySend = await least(async () => {
  for (let i = 0; i < RECORDS; i++) while (!producer.trySend('t', record)) await turn();
  await producer.flush();
});
await log.close();
console.log(JSON.stringify({ sendBatch, trySend }));
