// A managed log under retention writes its new segments into the files of deleted ones: readers see the new records only, and
// so does a start after kill -9, when old batches stand behind them in the file.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { loadNativeBinding } from '../../../src/engine/io/native-binding.ts';
import { BatchHeader } from '../../../src/engine/record/batch-header.ts';
import { recordsIn } from '../../../src/engine/record/log-records.ts';
import { createTopicsApi } from '../../../src/net/kafka/schema/generated/create-topics.ts';
import { eventually, fetch, produce, RawClient, textBatch } from '../../support/broker.ts';
import { compileSources } from '../compiled.ts';
import { ServeProcess } from './serve-process.ts';

const BLOCK = 4096;
const CONFIGS = {
  'ringlog.storage': 'managed',
  'segment.bytes': '200000',
  'retention.bytes': '500000',
  'file.delete.delay.ms': '0',
};

let dir: string;
let broker: ServeProcess;
let client: RawClient | undefined;

beforeAll(() => compileSources(), 120_000);
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ringlog-recycled-'));
});
afterEach(async () => {
  await kill();
  rmSync(dir, { recursive: true, force: true });
});

async function kill(): Promise<void> {
  client?.destroy();
  broker.child.kill('SIGKILL');
  await broker.ended();
}

async function serve(): Promise<RawClient> {
  const looks = { 'log.initial.task.delay.ms': '0', 'log.retention.check.interval.ms': '100' };
  const sets = { 'ringlog.shards': '1', 'ringlog.segment.bytes.min': '1000', ...looks };
  broker = new ServeProcess({ listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': dir, ...sets });
  client = await RawClient.open(await broker.port());
  return client;
}

const text = (i: number): string => `${i}`.padEnd(15_000 + ((i * 977) % 5000), '.');

/** Bytes of the newest segment that are neither batches nor zeros. */
function earlierLifeBytes(): number {
  const names = readdirSync(join(dir, 'm-0')).filter((name) => name.endsWith('.log'));
  const file = readFileSync(join(dir, 'm-0', names.sort().at(-1)!));
  const header = new BatchHeader(new DataView(file.buffer, file.byteOffset, file.byteLength));
  const base = Number(names.at(-1)!.slice(0, 20));
  while (header.at + BLOCK <= file.length && header.magic === 2 && header.baseOffset >= base) header.at += header.sizeBytes;
  return header.at === 0 ? 0 : file.subarray(Math.ceil(header.at / BLOCK) * BLOCK).filter((byte) => byte !== 0).length;
}

/** Offset of the first record that is there, after checking each one's text from there to the end. */
async function readAll(from: RawClient): Promise<{ start: number; end: number }> {
  const { logStartOffset: start, highWatermark } = await fetch(from, 'm', { offset: 0 });
  let at = start;
  while (at < highWatermark) {
    const { records, errorCode } = await fetch(from, 'm', { offset: at });
    expect(errorCode).toBe(0);
    for (const { offset, value } of recordsIn(records!)) {
      if (offset < at) continue;
      expect([offset, Buffer.from(value!).toString() === text(at)]).toEqual([at, true]);
      at++;
    }
  }
  return { start, end: at };
}

test.skipIf(loadNativeBinding().binding === null)(
  'what a file held before is never seen again',
  async () => {
    let one = await serve();
    const configs = Object.entries(CONFIGS).map(([name, value]) => ({ name, value }));
    const topics = [{ name: 'm', numPartitions: 1, replicationFactor: 1, assignments: [], configs }];
    expect((await one.call(createTopicsApi, 7, { topics })).topics[0]!.errorCode).toBe(0);
    let acked = 0;
    const produceOne = async (): Promise<void> => {
      const answer = await produce(one, 'm', textBatch([text(acked)]), { acks: -1 });
      expect([answer.errorCode, answer.baseOffset]).toEqual([0, acked++]);
    };
    // A deleted file rests for some seconds before it is written again.
    await eventually(
      async () => {
        await produceOne();
        return earlierLifeBytes() > 10_000 ? true : undefined;
      },
      () => `no segment began in an old file: ${readdirSync(join(dir, 'm-0')).length} files`,
    );
    expect((await readAll(one)).end).toBe(acked);
    await kill();
    one = await serve();
    const { start, end } = await readAll(one);
    expect(end).toBe(acked);
    expect(start).toBeLessThan(end - 20);
    expect(broker.err).not.toMatch(/damage/i);
    await produceOne();
    expect((await readAll(one)).end).toBe(acked);
  },
  120_000,
);
