// kcat (librdkafka): produce, consume, metadata, offsets, codecs, idempotence, groups.

import { createInterface } from 'node:readline';
import { installKcat } from '../../../scripts/install-clients.mjs';
import { checkRecords, keyOf, valueOf } from '../rig/payload.mjs';
import { run, runOk, startProcess, until } from '../rig/processes.mjs';
import { assert, equal } from '../rig/suite.mjs';

/** Lines `key<TAB>value` for `kcat -P -K '\t'`. */
export function linesOf(from, to, size) {
  let text = '';
  for (let n = from; n < to; n++) text += `${keyOf(n)}\t${valueOf(n, size)}\n`;
  return text;
}

/** Produces records `from … to - 1`; `partition` -1 lets the client choose by key. */
export function kcatProduce({ broker, signal }, topic, { from = 0, to, partition = -1, size, options = [] }) {
  const args = ['-P', '-b', broker.bootstrap, '-t', topic, '-p', String(partition), '-K', '\t', ...options];
  return runOk('kcat', args, { input: linesOf(from, to, size), signal });
}

/** Reads until the end of every partition; options can narrow that. */
export async function kcatConsume({ broker, signal }, topic, { options = ['-o', 'beginning'], group } = {}) {
  const what = group ? ['-G', group, topic] : ['-C', '-t', topic, ...options];
  // In the group form the topic comes last and everything else before it.
  const format = ['-e', '-q', '-u', '-X', 'check.crcs=true', '-f', '%p\t%o\t%k\t%s\n'];
  const groupOptions = ['-X', 'auto.offset.reset=earliest', '-X', 'session.timeout.ms=30000'];
  const args = group ? ['-b', broker.bootstrap, ...format, ...groupOptions, ...what] : ['-b', broker.bootstrap, ...format, ...what];
  const { stdout } = await runOk('kcat', args, { signal });
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map(recordOf);
}

function recordOf(line) {
  const [partition, offset, key, ...value] = line.split('\t');
  return { partition: Number(partition), offset: Number(offset), key, value: value.join('\t') };
}

/** A consumer that has come to the end and stays there. */
class Waiting {
  ends = 0;
  lines = [];

  constructor(broker, topic, count) {
    const args = ['-C', '-b', broker.bootstrap, '-t', topic, '-o', 'beginning', '-c', String(count), '-u', '-X', 'fetch.wait.max.ms=50'];
    this.child = startProcess('kcat', [...args, '-f', '%p\t%o\t%k\t%s\n']);
    createInterface({ input: this.child.stdout }).on('line', (line) => this.lines.push(line));
    createInterface({ input: this.child.stderr }).on('line', (line) => (this.ends += line.includes('Reached end of topic') ? 1 : 0));
  }

  async end() {
    this.child.kill('SIGKILL');
  }
}

/** `{ 'topic:partition:time': offset }` as `kcat -Q` answers. */
async function query({ broker, signal }, ...what) {
  const { stdout } = await runOk('kcat', ['-Q', '-b', broker.bootstrap, ...what.flatMap((one) => ['-t', one])], { signal });
  return Object.fromEntries(
    [...stdout.matchAll(/^(\S+) \[(\d+)\] offset (-?\d+)/gm)].map(([, topic, p, o]) => [`${topic}:${p}`, Number(o)]),
  );
}

const codecs = ['gzip', 'snappy', 'lz4', 'zstd'];

export const kcatGroup = {
  name: 'kcat',
  prepare: installKcat,
  cases: [
    {
      name: 'kcat: metadata',
      core: true,
      async run(context) {
        const topic = await context.createTopic('meta', 4);
        const { stdout } = await runOk('kcat', ['-L', '-J', '-b', context.broker.bootstrap], { signal: context.signal });
        const answer = JSON.parse(stdout);
        equal(answer.brokers.length, context.nodes, 'brokers');
        const ids = answer.brokers.map(({ id }) => id);
        assert(ids.includes(answer.controllerid), `controller ${answer.controllerid} is not one of the brokers ${ids}`);
        const { partitions } = answer.topics.find((one) => one.topic === topic);
        equal(
          partitions.map(({ partition }) => partition),
          [0, 1, 2, 3],
          'partitions',
        );
        for (const { leader, replicas, isrs } of partitions) {
          assert(ids.includes(leader), `leader ${leader} is not one of the brokers ${ids}`);
          equal([replicas, isrs], [[{ id: leader }], [{ id: leader }]], 'replicas and ISR');
        }
        assert(new Set(partitions.map(({ leader }) => leader)).size === context.nodes, 'the partitions are not spread over the brokers');
      },
    },
    {
      name: 'kcat: produce and consume, keys and headers',
      core: true,
      async run(context) {
        const topic = await context.createTopic('plain', 3);
        await kcatProduce(context, topic, { to: 1000, options: ['-H', 'who=kcat', '-H', 'empty='] });
        checkRecords(await kcatConsume(context, topic), { to: 1000, keys: true });
        const args = ['-C', '-b', context.broker.bootstrap, '-t', topic, '-e', '-q', '-f', '%h\n'];
        const { stdout } = await runOk('kcat', args, { signal: context.signal });
        equal([...new Set(stdout.trim().split('\n'))], ['who=kcat,empty='], 'headers');
      },
    },
    {
      name: 'kcat: automatic topic creation',
      async run(context) {
        const topic = context.topicName('auto');
        await kcatProduce(context, topic, { to: 10 });
        checkRecords(await kcatConsume(context, topic), { to: 10, keys: true });
      },
    },
    ...['0', '1', 'all'].map((acks) => ({
      name: `kcat: acks=${acks}`,
      core: true,
      async run(context) {
        const topic = await context.createTopic(`acks-${acks}`, 2);
        await kcatProduce(context, topic, { to: 500, options: ['-X', `acks=${acks}`] });
        // With acks=0 the end of the producer says nothing about the broker.
        const complete = (read) => acks !== '0' || read.length >= 500 || context.signal.aborted;
        let records;
        do records = await kcatConsume(context, topic);
        while (!complete(records));
        checkRecords(records, { to: 500, keys: true });
      },
    })),
    ...codecs.map((codec) => ({
      name: `kcat: ${codec}`,
      core: codec === 'zstd',
      async run(context) {
        const topic = await context.createTopic(`codec-${codec}`, 2);
        await kcatProduce(context, topic, { to: 5000, options: ['-z', codec] });
        checkRecords(await kcatConsume(context, topic), { to: 5000, keys: true });
      },
    })),
    {
      name: 'kcat: idempotent producer',
      core: true,
      async run(context) {
        const topic = await context.createTopic('idempotent', 3);
        const options = ['-X', 'enable.idempotence=true', '-X', 'batch.num.messages=50'];
        await kcatProduce(context, topic, { to: 5000, options });
        await kcatProduce(context, topic, { from: 5000, to: 6000, options });
        checkRecords(await kcatConsume(context, topic), { to: 6000, keys: true });
      },
    },
    {
      name: 'kcat: offset queries',
      async run(context) {
        const topic = await context.createTopic('offsets', 2);
        const before = Date.now();
        await kcatProduce(context, topic, { to: 300, partition: 0 });
        const between = Date.now() + 1;
        while (Date.now() <= between) await new Promise((done) => setTimeout(done, 1));
        await kcatProduce(context, topic, { from: 300, to: 400, partition: 0 });
        equal(await query(context, `${topic}:0:-1`), { [`${topic}:0`]: 400 }, 'end');
        equal(await query(context, `${topic}:0:-2`), { [`${topic}:0`]: 0 }, 'beginning');
        equal(await query(context, `${topic}:1:-1`), { [`${topic}:1`]: 0 }, 'end of the empty partition');
        equal(await query(context, `${topic}:0:${before}`), { [`${topic}:0`]: 0 }, 'time before all');
        equal(await query(context, `${topic}:0:${between + 1}`), { [`${topic}:0`]: 300 }, 'time between the two');
        equal(await query(context, `${topic}:0:${Date.now() + 100_000}`), { [`${topic}:0`]: -1 }, 'time after all');
      },
    },
    {
      name: 'kcat: consume from an offset, from the tail, by time',
      async run(context) {
        const topic = await context.createTopic('seek', 1);
        await kcatProduce(context, topic, { to: 400 });
        const between = Date.now() + 1;
        while (Date.now() <= between) await new Promise((done) => setTimeout(done, 1));
        await kcatProduce(context, topic, { from: 400, to: 500 });
        checkRecords(await kcatConsume(context, topic, { options: ['-o', '123', '-c', '50'] }), { from: 123, to: 173 });
        checkRecords(await kcatConsume(context, topic, { options: ['-o', '-10'] }), { from: 490, to: 500 });
        checkRecords(await kcatConsume(context, topic, { options: ['-o', `s@${between + 1}`] }), { from: 400, to: 500 });
        equal(await kcatConsume(context, topic, { options: ['-o', 'end'] }), [], 'records after the end');
      },
    },
    {
      name: 'kcat: consumer group goes on where it stopped',
      core: true,
      deadlineMs: 300_000,
      async run(context) {
        const topic = await context.createTopic('group', 4);
        const group = `${topic}-group`;
        await kcatProduce(context, topic, { to: 2000 });
        checkRecords(await kcatConsume(context, topic, { group }), { to: 2000, keys: true });
        await kcatProduce(context, topic, { from: 2000, to: 2500 });
        checkRecords(await kcatConsume(context, topic, { group }), { from: 2000, to: 2500, keys: true });
      },
    },
    {
      name: 'kcat: consumers wait at the end of all partitions of a broker that was just started',
      core: true,
      async run(context) {
        const { broker, signal } = context;
        const topic = await context.createTopic('waiting', 4);
        await broker.stop();
        await broker.start();
        // Several, because with one listener for all shards the kernel chooses where each of them is served.
        const waiting = Array.from({ length: 4 }, () => new Waiting(broker, topic, 40));
        context.defer(() => Promise.all(waiting.map((one) => one.end())));
        await until('all consumers are at the end of all partitions', () => waiting.every(({ ends }) => ends >= 4), {
          timeoutMs: 120_000,
          signal,
        });
        // Fetches that find nothing come back after 50 ms; a few of those must be survived.
        const later = Date.now() + 300;
        await until('some fetches came back empty', () => Date.now() > later);
        await kcatProduce(context, topic, { to: 40 });
        await until('all consumers have read all', () => waiting.every(({ lines }) => lines.length >= 40), { timeoutMs: 120_000, signal });
        for (const { lines } of waiting) checkRecords(lines.map(recordOf), { to: 40, keys: true });
      },
    },
    {
      name: 'kcat: 100,000 records in order with their bytes',
      core: true,
      deadlineMs: 300_000,
      async run(context) {
        const topic = await context.createTopic('many', 1, { 'segment.bytes': String(1 << 20) });
        const to = 100_000;
        await kcatProduce(context, topic, { to, partition: 0 });
        const records = await kcatConsume(context, topic);
        records.forEach(({ offset }, i) => offset === i || equal(offset, i, 'offset'));
        checkRecords(records, { to, keys: true });
      },
    },
    {
      name: 'kcat: large records, and one that is too large',
      async run(context) {
        const topic = await context.createTopic('large', 1);
        await kcatProduce(context, topic, { to: 5, size: 900_000 / 1.2, options: ['-X', 'message.max.bytes=4000000'] });
        checkRecords(await kcatConsume(context, topic), { to: 5, keys: true });
        const args = ['-P', '-b', context.broker.bootstrap, '-t', topic, '-p', '0', '-X', 'message.max.bytes=4000000'];
        const { status, stderr } = await run('kcat', args, { input: `${'x'.repeat(2_000_000)}\n`, signal: context.signal });
        assert(
          status !== 0 && /too large|MSG_SIZE_TOO_LARGE/i.test(stderr),
          `2 MB was not refused as too large: ${status} ${stderr.trim()}`,
        );
        checkRecords(await kcatConsume(context, topic), { to: 5, keys: true });
      },
    },
  ],
};
