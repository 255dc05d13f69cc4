// An embedded log in a process that is going to be killed: sends until it dies and tells each answer on standard output.
//   node crash-child.mjs DIR SHARDS ACKS STORAGE FSYNC

import { open } from '../../dist/bundle/embed.js';

const [dir, shards, acks, storage, fsync] = process.argv.slice(2);
const log = await open({
  dir,
  shards: Number(shards),
  topics: { t: { partitions: 2, configs: { 'ringlog.storage': storage } } },
  config: { 'ringlog.fsync': fsync, 'log.index.size.max.bytes': 65_536 },
});
const producer = log.producer({ acks: acks === 'all' ? 'all' : Number(acks) });
process.stdout.write('open\n');
let next = 0;
async function run(partition) {
  for (;;) {
    const value = String(next++);
    const { offset, durability } = await producer.send('t', { partition, value: value.padEnd(200) });
    // Written by the time write() returns: a pipe takes so few bytes at once.
    process.stdout.write(`${partition} ${offset} ${value} ${durability}\n`);
    if (acks === '0') await new Promise((resolve) => setImmediate(resolve));
  }
}
await Promise.all(Array.from({ length: 8 }, (_, i) => run(i % 2)));
