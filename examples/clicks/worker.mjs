// Counts clicks by page. Start as many as there are partitions: a group shares them out.
//
// Where a partition goes on is kept in one file with what was counted of it, so that a click which comes again, after a
// crash or a rebalance, is not counted again.

import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';

const { BROKERS = '127.0.0.1:9092', COUNTS = './counts' } = process.env;
await mkdir(COUNTS, { recursive: true });

const fileOf = (partition) => join(COUNTS, `${partition}.json`);

async function load(partition) {
  try {
    return JSON.parse(await readFile(fileOf(partition), 'utf8'));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return { next: 0, pages: {} };
  }
}

/** The old file or the new one, whenever the process dies. */
async function save(partition, counts) {
  const fresh = `${fileOf(partition)}.${process.pid}`;
  await writeFile(fresh, JSON.stringify(counts), { flush: true });
  await rename(fresh, fileOf(partition));
}

async function countBatch({ batch: { partition, messages } }) {
  const counts = await load(partition);
  for (const { offset, value } of messages) {
    if (Number(offset) < counts.next) continue;
    const { page } = JSON.parse(value.toString());
    counts.pages[page] = (counts.pages[page] ?? 0) + 1;
    counts.next = Number(offset) + 1;
  }
  await save(partition, counts);
  console.log(`partition ${partition}: ${JSON.stringify(counts.pages)}`);
}

const kafka = new Kafka({ clientId: 'click-counter', brokers: BROKERS.split(','), logLevel: logLevel.WARN });
const consumer = kafka.consumer({ groupId: 'click-counter' });
await consumer.connect();
await consumer.subscribe({ topic: 'clicks', fromBeginning: true });
await consumer.run({ eachBatch: countBatch });

// Leaves the group, so that the others take over at once.
const stop = () => consumer.disconnect();
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
