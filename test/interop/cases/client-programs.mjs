// Clients of other languages and Nodes, as programs with the same few verbs (see ../clients): every codec, idempotence,
// groups that go on where they stopped, records of other clients, admin.

import { copyFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installFranz, installKcat, installPlatformatic, installPython } from '../../../scripts/install-clients.mjs';
import { checkRecords } from '../rig/payload.mjs';
import { runOk } from '../rig/processes.mjs';
import { kcatConsume, kcatProduce, linesOf } from './kcat.mjs';

const programs = join(dirname(fileURLToPath(import.meta.url)), '..', 'clients');

/** Runs a verb of the program; `context.client` is its command line. */
function call(context, verb, topic, args = [], input = undefined) {
  const [command, ...first] = context.client;
  return runOk(command, [...first, verb, context.broker.bootstrap, topic, ...args.map(String)], {
    input,
    signal: context.signal,
    timeoutMs: 120_000,
  });
}

async function records(context, verb, topic, group, count) {
  const { stdout } = await call(context, verb, topic, [group, count]);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [partition, offset, key, ...value] = line.split('\t');
      return { partition: Number(partition), offset: Number(offset), key, value: value.join('\t') };
    });
}

const produce = (context, topic, from, to, codec, idempotent) => call(context, 'produce', topic, [codec, idempotent], linesOf(from, to));

function casesOf(name, { shares = false } = {}) {
  const common = { short: false, deadlineMs: 300_000 };
  return [
    ...['none', 'gzip', 'snappy', 'lz4', 'zstd'].map((codec) => ({
      ...common,
      name: `${name}: produce with ${codec}, consume in a group, and kcat reads the same`,
      core: codec === 'none',
      async run(context) {
        const topic = await context.createTopic(`${context.slug}-${codec}`, 2);
        await produce(context, topic, 0, 2000, codec, false);
        checkRecords(await records(context, 'consume', topic, `${topic}-group`, 2000), { to: 2000, keys: true });
        checkRecords(await kcatConsume(context, topic), { to: 2000, keys: true });
      },
    })),
    {
      ...common,
      name: `${name}: idempotent producer, group goes on where it stopped`,
      core: true,
      async run(context) {
        const topic = await context.createTopic(`${context.slug}-idempotent`, 3);
        const group = `${topic}-group`;
        await produce(context, topic, 0, 3000, 'none', true);
        checkRecords(await records(context, 'consume', topic, group, 3000), { to: 3000, keys: true });
        await produce(context, topic, 3000, 3300, 'lz4', true);
        checkRecords(await records(context, 'consume', topic, group, 300), { from: 3000, to: 3300, keys: true });
      },
    },
    {
      ...common,
      name: `${name}: reads what kcat wrote, in all codecs`,
      async run(context) {
        const topic = await context.createTopic(`${context.slug}-foreign`, 1);
        const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
        for (const [i, codec] of codecs.entries())
          await kcatProduce(context, topic, { from: i * 200, to: i * 200 + 200, partition: 0, options: ['-z', codec] });
        checkRecords(await records(context, 'consume', topic, `${topic}-group`, 1000), { to: 1000, keys: true });
      },
    },
    ...(shares
      ? [
          {
            ...common,
            name: `${name}: two cooperative members share, and the one that stays takes over`,
            core: true,
            async run(context) {
              const topic = await context.createTopic(`${context.slug}-share`, 4);
              await kcatProduce(context, topic, { to: 1000 });
              checkRecords(await records(context, 'share', topic, `${topic}-group`, 1000), { to: 1000, keys: true });
            },
          },
        ]
      : []),
    {
      ...common,
      name: `${name}: admin`,
      core: true,
      run: (context) => call(context, 'admin', context.topicName(`${context.slug}-admin`)),
    },
  ].map((one) => ({ ...one, run: (context) => one.run({ ...context, slug: name.replace(/[^a-z]/gi, '') }) }));
}

export const platformaticGroup = {
  name: 'platformatic',
  prepare() {
    installKcat();
    const { node, folder } = installPlatformatic();
    // A module is looked up from where the script lies.
    const script = join(folder, 'client.mjs');
    copyFileSync(join(programs, 'platformatic.mjs'), script);
    return [node, script];
  },
  cases: casesOf('@platformatic/kafka'),
};

export const confluentGroup = {
  name: 'confluent-kafka',
  prepare: () => installKcat() && [installPython(), join(programs, 'confluent.py')],
  cases: casesOf('confluent-kafka (Python)', { shares: true }),
};

export const kafkaPythonGroup = {
  name: 'kafka-python',
  prepare: () => installKcat() && [installPython(), join(programs, 'kafka_python.py')],
  cases: casesOf('kafka-python'),
};

export const franzGroup = {
  name: 'franz-go',
  prepare: () => installKcat() && [installFranz()],
  cases: casesOf('franz-go', { shares: true }),
};
