// A thread of the user's: opens the handle that it is given, sends, and tells what it was answered.

import { parentPort, workerData } from 'node:worker_threads';
import { openProducer } from '../../dist/bundle/embed.js';

const { handle, from, count, stays } = workerData;
const producer = openProducer(handle, { acks: 1 });
const told = (error) => ({ code: error.code, message: error.message });
parentPort.on('message', async ({ topic, value }) => {
  const answer = await producer.send(topic, { value }).catch(told);
  parentPort.postMessage(answer);
});
const sent = await Promise.all(
  Array.from({ length: count }, (_, i) => producer.send('t', { key: `k${i % 7}`, value: `${from}:${i}`.padEnd(1000) })),
);
parentPort.postMessage({ offsets: sent.map(({ partition, offset }) => [partition, offset]) });
if (!stays) {
  await producer.close();
  parentPort.close();
}
