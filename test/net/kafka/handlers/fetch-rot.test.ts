// A byte goes bad on the disk under a running broker: scrubbing finds it, clients are told CORRUPT_MESSAGE for that batch and
// served all others, and so they are after a restart; nothing is cut away.

import { closeSync, fsyncSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually, fetch, topologyKinds, produce, startTestBroker, textBatch } from '../../../support/broker.ts';

const CORRUPT_MESSAGE = 2;
const BATCHES = 12;
const ROTTEN = 1;
const CONFIG = { 'ringlog.scrub.bytes.per.second': '100000000', 'ringlog.commit': 'segments' };

function flip(path: string, at: number): void {
  const fd = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(fd, byte, 0, 1, at);
  byte[0]! ^= 0x10;
  writeSync(fd, byte, 0, 1, at);
  fsyncSync(fd);
  closeSync(fd);
}

test.each(topologyKinds().filter((kind) => kind !== 'per-shard'))('%s', async (kind) => {
  let broker = await startTestBroker({ kind, config: CONFIG });
  await broker.createTopic('t', 1, { 'segment.bytes': '2000' });
  const batches = Array.from({ length: BATCHES }, (_, i) => textBatch([`record ${i}`.padEnd(400, '.')]));
  for (const batch of batches) await broker.ask((client) => produce(client, 't', batch, { acks: -1 }));
  const path = join(broker.dir, 't-0', '00000000000000000000.log');
  const size = statSync(path).size;
  flip(path, batches[0]!.length * ROTTEN + 200);

  const errorAt = async (offset: number): Promise<number> =>
    (await broker.ask((client) => fetch(client, 't', { offset, partitionMaxBytes: 1 }))).errorCode;
  const wanted = batches.map((_, offset) => (offset === ROTTEN ? CORRUPT_MESSAGE : 0));
  const errors = async (): Promise<number[]> => {
    const found: number[] = [];
    for (let offset = 0; offset < BATCHES; offset++) found.push(await errorAt(offset));
    return found;
  };
  await eventually(
    async () => ((await errorAt(ROTTEN)) === CORRUPT_MESSAGE ? true : undefined),
    () => `nobody found the rot: ${JSON.stringify(broker.lines)}`,
  );
  expect(await errors()).toEqual(wanted);
  expect(broker.lines.filter(({ level, message }) => level === 'error' && message.includes('t-0'))).toHaveLength(1);
  expect(await broker.endOffset('t')).toBe(BATCHES);

  await broker.halt();
  broker = await startTestBroker({ kind, config: { 'ringlog.commit': 'segments' }, dir: broker.dir });
  expect(await errors()).toEqual(wanted);
  expect(statSync(path).size).toBe(size);
  await broker.stop();
});
