// Apache Kafka's kafka-dump-log over the broker's files: it must open every one and find nothing wrong, after a clean stop
// and after kill -9 under load.

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { installJava, installKcat } from '../../../scripts/install-clients.mjs';
import { kafkaTool } from '../rig/java.mjs';
import { openKafkajs } from '../rig/kafkajs-client.mjs';
import { checkRecords, keyOf, numberIn, valueOf } from '../rig/payload.mjs';
import { runOk, until } from '../rig/processes.mjs';
import { assert, equal } from '../rig/suite.mjs';
import { kcatConsume, kcatProduce } from './kcat.mjs';

const complaints =
  /isvalid: false|invalid bytes|Non-consecutive|[Mm]ismatch|out of order|not found in log|not found in the log|Exception|corrupt|Could not|Skipping/;

/** Files of all partition folders by what they are. Empty files hold nothing to judge (Kafka's own are empty until used). */
export function filesBelow(dataDir) {
  const found = { log: [], index: [], timeindex: [], snapshot: [] };
  for (const folder of readdirSync(dataDir, { withFileTypes: true })) {
    if (!folder.isDirectory() || !/-\d+$/.test(folder.name) || folder.name.startsWith('__cluster_metadata')) continue;
    for (const name of readdirSync(join(dataDir, folder.name))) {
      const path = join(dataDir, folder.name, name);
      const kind = name.split('.').at(-1);
      if (kind in found && (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0) found[kind].push(path);
    }
  }
  return found;
}

/** Runs kafka-dump-log; complains about what it complains about. A few hundred files at a time: arguments have a limit. */
async function dump(context, files, options) {
  let out = '';
  for (let at = 0; at < files.length; at += 400) {
    const part = files.slice(at, at + 400);
    const { stdout, stderr } = await kafkaTool(context, 'kafka-dump-log', ['--files', part.join(','), ...options], { heap: '512M' });
    const line = forgiven(`${stderr}\n${stdout}`)
      .split('\n')
      .find((one) => complaints.test(one));
    assert(line === undefined, `kafka-dump-log ${options.join(' ')} complains: ${line}\n${about(stdout, line)}`);
    equal([...stdout.matchAll(/^Dumping /gm)].length, part.length, 'files that were dumped');
    out += stdout;
  }
  return out;
}

/** Compaction leaves holes. And with --deep-iteration the tool takes every segment but the first for a hole after offset -1: not so in Kafka's own files either. */
function forgiven(text) {
  return text
    .replace(/^Non-consecutive offsets in .*\/0*(\d+)\.log\n {2}-1 is followed by \1\n/gm, '')
    .replace(/^Non-consecutive offsets in .*\/compacted-\d+-\d+\/\d+\.log\n(?: {2}-?\d+ is followed by \d+\n)+/gm, '');
}

function about(stdout, line) {
  const lines = stdout.split('\n');
  const at = lines.indexOf(line);
  return lines
    .slice(Math.max(0, at - 3), at + 4)
    .join('\n')
    .slice(0, 1500);
}

/**
 * All of kafka-dump-log's own checks over a stopped broker's files.
 * @param expected `{ topic: { records, segments } }`: the least that has to be found
 */
export async function dumpEverything(context, dataDir, expected = {}) {
  const files = filesBelow(dataDir);
  // Compacted by deletion of whole groups or not: offsets of internal topics may have holes, which the tool reports.
  const isInternal = (path) => path.includes('/__');
  const own = files.log.filter((path) => !isInternal(path));
  const indexes = [...files.index, ...files.timeindex];
  assert(files.index.length > 0 && files.timeindex.length > 0, 'there is no index that holds anything');
  const offsets = files.log.filter((path) => path.includes('/__consumer_offsets-'));
  // The tool starts slowly and changes nothing: all of them at once.
  const [deep, sane, , , decoded] = await Promise.all([
    dump(context, own, ['--deep-iteration']),
    dump(context, indexes, ['--index-sanity-check']),
    dump(context, indexes, ['--verify-index-only']),
    dump(context, files.snapshot, []),
    dump(context, offsets, ['--offsets-decoder', '--deep-iteration']),
  ]);
  for (const [topic, { records, segments = 1 }] of Object.entries(expected)) {
    const parts = deep.split(/^(?=Dumping )/m).filter((part) => part.startsWith('Dumping ') && part.split('\n')[0].includes(`/${topic}-`));
    const count = parts.reduce((sum, part) => sum + [...part.matchAll(/^\| offset: /gm)].length, 0);
    equal(count, records, `records in the files of ${topic}`);
    assert(parts.length >= segments, `${parts.length} segments of ${topic}, at least ${segments} expected`);
  }
  equal([...sane.matchAll(/passed sanity check/g)].length, indexes.length, 'indexes that passed the sanity check');
  return { deep, decoded, files };
}

function fewerThanOffsets(line) {
  const [, base, lastOffset, count] = /baseOffset: (\d+) lastOffset: (\d+) count: (\d+)/.exec(line);
  return Number(count) < Number(lastOffset) - Number(base) + 1;
}

/** Records of few keys, every fifth of a key of its own; `gone` keys are deleted in the second half. */
function keyedLines(from, to, isLastHalf) {
  const lines = [];
  for (let n = from; n < to; n++) {
    const key = n % 5 === 0 ? `once-${n}` : n % 50 === 1 ? `gone-${n % 7}` : keyOf(n);
    lines.push([key, isLastHalf && key.startsWith('gone-') ? '' : valueOf(n)]);
  }
  return lines;
}

const topicConfig = { 'segment.bytes': String(1 << 20) };

export const logFilesGroup = {
  name: 'log files',
  prepare() {
    installKcat();
    return installJava();
  },
  cases: [
    {
      name: 'files: kafka-dump-log finds nothing wrong after a clean stop',
      core: true,
      deadlineMs: 300_000,
      async run(context) {
        const { broker } = context;
        const topic = await context.createTopic('files', 1, topicConfig);
        const idempotent = ['-X', 'enable.idempotence=true', '-X', 'batch.num.messages=40'];
        await kcatProduce(context, topic, { to: 20_000, partition: 0, options: idempotent });
        const group = `${topic}-group`;
        await openKafkajs(context).withAdmin((admin) =>
          admin.setOffsets({ groupId: group, topic, partitions: [{ partition: 0, offset: '123' }] }),
        );
        for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'])
          await kcatProduce(context, topic, { from: 20_000, to: 21_000, partition: 0, options: ['-z', codec] });
        const expected = { [topic]: { records: 24_000, segments: 3 } };
        if (context.kind === 'ringlog') {
          // Preallocated and padded while they are written to: nothing of that may be left.
          const managed = await context.createTopic('files-of-managed', 1, { ...topicConfig, 'ringlog.storage': 'managed' });
          await kcatProduce(context, managed, { to: 12_000, partition: 0, options: idempotent });
          expected[managed] = { records: 12_000, segments: 2 };
        }
        await broker.stop();
        const { deep, decoded, files } = await dumpEverything(context, broker.dataDir, expected);
        for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'])
          assert(new RegExp(`compresscodec: ${codec}\\b`, 'i').test(deep), `no batch with codec ${codec}`);
        assert(
          files.snapshot.some((path) => path.includes(`/${topic}-0/`)),
          'no producer snapshot of the idempotent producer',
        );
        assert(decoded.includes(group) && decoded.includes('123'), 'the committed offset is not in __consumer_offsets');
        await broker.start();
      },
    },
    {
      name: 'files: a compacted topic keeps the last record of each key, and kafka-dump-log finds nothing wrong with it',
      core: true,
      deadlineMs: 300_000,
      async run(context) {
        const { broker, signal } = context;
        const topic = await context.createTopic('compacted', 1, {
          ...topicConfig,
          'cleanup.policy': 'compact',
          'min.cleanable.dirty.ratio': '0.01',
          'file.delete.delay.ms': '1000',
        });
        const last = new Map();
        let next = 0;
        const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd', 'none', 'none'];
        for (const [i, codec] of codecs.entries()) {
          const lines = keyedLines(next, next + 12_000, i > 2);
          for (const [key, value] of lines) last.set(key, value);
          next += lines.length;
          const args = ['-P', '-b', broker.bootstrap, '-t', topic, '-p', '0', '-K', '\t', '-Z', '-z', codec];
          await runOk('kcat', [...args, '-X', 'enable.idempotence=true'], {
            input: lines.map((line) => `${line.join('\t')}\n`).join(''),
            signal,
          });
        }
        const bytes = () =>
          filesBelow(broker.dataDir)
            .log.filter((path) => path.includes(`/${topic}-0/`))
            .reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);
        const before = bytes();
        await until('most of it is compacted away', () => bytes() < before / 2, { timeoutMs: 120_000, ...context });
        const records = await kcatConsume(context, topic);
        const found = new Map(records.map(({ key, value }) => [key, value]));
        for (const [key, value] of last) {
          // A deleted key shows its deletion, or nothing any more.
          if (value !== '' || found.has(key)) equal(found.get(key), value, `the last value of ${key}`);
        }
        assert(records.length < next / 2, `${records.length} of ${next} records are left`);
        for (const { value } of records) if (value !== '') numberIn(value);
        await broker.stop();
        const { deep } = await dumpEverything(context, broker.dataDir, { [topic]: { records: records.length, segments: 2 } });
        const own = deep.split(/^(?=Dumping )/m).filter((part) => part.split('\n')[0].includes(`/${topic}-0/`));
        const headers = own.flatMap((part) => part.split('\n').filter((line) => line.startsWith('baseOffset: ')));
        for (const codec of codecs.slice(1, 5)) {
          const cleaned = headers.filter((line) => new RegExp(`compresscodec: ${codec}\\b`, 'i').test(line) && fewerThanOffsets(line));
          assert(cleaned.length > 0, `no batch that was compacted and is still ${codec}`);
        }
        assert(
          headers.some((line) => /deleteHorizonMs: (OptionalLong\[)?\d/.test(line)),
          'no batch says when its tombstones may go',
        );
        await broker.start();
      },
    },
    {
      name: 'files: kafka-dump-log finds nothing wrong after kill -9 under load, restart and stop',
      core: true,
      deadlineMs: 300_000,
      async run(context) {
        const { broker } = context;
        const topic = await context.createTopic('files-killed', 1, topicConfig);
        const active = () => filesBelow(broker.dataDir).log.filter((path) => path.includes(`/${topic}-0/`));
        const producer = await openKafkajs(context).producer({ idempotent: true, maxInFlightRequests: 1 });
        let next = 0;
        const over = new AbortController();
        const load = (async () => {
          while (!over.signal.aborted || next % 5000 !== 0) {
            const messages = Array.from({ length: 100 }, (_, i) => ({ partition: 0, key: keyOf(next + i), value: valueOf(next + i) }));
            await producer.send({ topic, messages });
            next += 100;
          }
        })();
        load.catch(() => {});
        await Promise.race([load, until('three segments are full', () => active().length >= 3, { timeoutMs: 120_000, ...context })]);
        await broker.kill();
        over.abort();
        await broker.start();
        await load;
        await producer.disconnect();
        checkRecords(await kcatConsume(context, topic), { to: next, keys: true });
        await broker.stop();
        await dumpEverything(context, broker.dataDir, { [topic]: { records: next, segments: 3 } });
        await broker.start();
      },
    },
  ],
};
