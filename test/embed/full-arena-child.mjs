// An embedded log whose disk is held while it is sent more than the arena of managed logs and the bound of bytes in flight take
// together. Says on standard output what it saw, when the disk goes on all must be stored.
//   node full-arena-child.mjs DIR SHARDS HOLD

import { rmSync, writeFileSync } from 'node:fs';
import { open } from '../../dist/bundle/embed.js';

const [dir, shards, hold] = process.argv.slice(2);
const MIB = 1024 * 1024;
const RECORDS = 60;
const value = Buffer.alloc(700 * 1024, 'x');
const threads = Math.max(1, Number(shards));
const log = await open({
  dir,
  shards: Number(shards),
  topics: { m: { partitions: 1, configs: { 'ringlog.storage': 'managed' } }, p: 1 },
  inFlightBytes: 8 * MIB,
  // The least: an arena of 16 MiB a shard.
  config: { 'socket.request.max.bytes': MIB, 'ringlog.memory.bytes': threads * 32 * MIB, 'log.index.size.max.bytes': 65_536 },
});
const producer = log.producer({ acks: 1 });
const first = await producer.send('p', { value: 'first' });
const residentBefore = process.memoryUsage.rss();
writeFileSync(hold, '');

const offsets = [];
const sends = Array.from({ length: RECORDS }, () => producer.send('m', { value }).then(({ offset }) => offsets.push(offset)));
// Three quarters full. (Where the shard is on this thread, no turn of its loop may wait for the disk, or this never ends.)
while (offsets.length * value.length <= 12 * MIB) await new Promise(setImmediate);
const stored = offsets.length;
// The shard that has the records goes on.
const other = await log.access.fetch('p', 0, 0, 1024, 0);
const seen = {
  stored,
  other: other.highWatermark,
  first: first.offset,
  trySend: producer.trySend('m', { value }),
  inFlightBytes: producer.inFlightBytes,
  grownBytes: process.memoryUsage.rss() - residentBefore,
};
rmSync(hold);
await Promise.all(sends);
await producer.close();
await log.close();
process.stdout.write(`${JSON.stringify({ ...seen, offsets })}\n`);
