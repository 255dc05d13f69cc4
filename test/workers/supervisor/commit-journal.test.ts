// A broker that starts on what a power cut left: acked records that only the commit journal has are there again.

import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { RECORD_MAGIC, RecordHead, RECORDS_START } from '../../../src/engine/log/commit-journal-format.ts';
import { eventually, fetch, produce, reactorKinds, startTestBroker, type TestBroker, textBatch } from '../../support/broker.ts';

const JOURNAL = 'commit-journal.0';

function hasRecords(dir: string): boolean {
  const path = join(dir, JOURNAL);
  if (!existsSync(path)) return false;
  const bytes = readFileSync(path);
  return bytes.length > RECORDS_START + RecordHead.BYTES && bytes.readInt32BE(RECORDS_START + RecordHead.MAGIC) === RECORD_MAGIC;
}

describe.each(reactorKinds())('on the %s reactor', (kind) => {
  const brokers: TestBroker[] = [];
  const copies: string[] = [];
  afterEach(async () => {
    for (const broker of brokers.splice(0)) await broker.stop();
    for (const copy of copies.splice(0)) rmSync(copy, { recursive: true, force: true });
  });

  async function begin(config: Readonly<Record<string, string>>, dir?: string): Promise<TestBroker> {
    const broker = await startTestBroker({ kind, config, ...(dir === undefined ? {} : { dir }) });
    brokers.push(broker);
    return broker;
  }

  test.each(['false', 'true'])(
    'acked records whose segments never reached the disk are restored from the journal, in place %s',
    async (inPlace) => {
      const broker = await begin({ 'ringlog.commit.in.place': inPlace });
      await broker.createTopic('first');
      await broker.createTopic('t', 3);
      const client = await broker.client();
      await eventually(
        async () => {
          await produce(client, 'first', textBatch(['x']), { acks: -1 });
          return hasRecords(broker.dir) ? true : undefined;
        },
        () => 'the journal is never written to',
      );
      for (let i = 0; i < 60; i++) await produce(client, 't', textBatch([`record ${i}`, 'and one']), { acks: -1, partition: i % 3 });
      const contents = await Promise.all([0, 1, 2].map((partition) => broker.ask((one) => fetch(one, 't', { partition }))));
      const copy = mkdtempSync(join(tmpdir(), 'ringlog-power-'));
      copies.push(copy);
      cpSync(broker.dir, copy, { recursive: true });
      rmSync(join(copy, '.lock'));
      for (const partition of [0, 1, 2]) {
        const dir = join(copy, `t-${partition}`);
        for (const name of readdirSync(dir)) {
          if (name.endsWith('.log')) truncateSync(join(dir, name), 0);
        }
      }
      const after = await begin({}, copy);
      for (const [partition, { highWatermark, records }] of contents.entries()) {
        const now = await after.ask((one) => fetch(one, 't', { partition }));
        expect(now.highWatermark).toBe(highWatermark);
        expect(Buffer.from(now.records!).equals(Buffer.from(records!))).toBe(true);
      }
      const told = after.lines.map(({ message }) => message).filter((message) => message.startsWith('commit journal of'));
      expect(told).toHaveLength(1);
      expect(told[0]).toMatch(/, \d+ of them written to segments \(\d+ bytes\)$/);
    },
  );

  test('without the journal there is none, and acks=all waits for the segments', async () => {
    const broker = await begin({ 'ringlog.commit': 'segments' });
    await broker.createTopic('t');
    const client = await broker.client();
    for (let i = 0; i < 5; i++) expect((await produce(client, 't', textBatch(['x']), { acks: -1 })).errorCode).toBe(0);
    expect(existsSync(join(broker.dir, JOURNAL))).toBe(false);
  });
});
