// Disks that are really full, and empty again: small file systems of each kind (tmpfs, and ext4 and XFS on a loop device;
// needs root). Full, appends are answered KAFKA_STORAGE_ERROR and reads go on, also over a kill -9 and a start; when there
// is room again, service resumes, and nothing acked is missing.

import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { constants } from 'node:os';
import { ChildBroker } from '../../dist/cli/crash/child-broker.js';
import { createTopic } from '../../dist/cli/crash/leader-connection.js';
import { TailReader } from '../../dist/cli/crash/tail-reader.js';
import { assert, equal } from '../interop/rig/suite.mjs';
import { withFault } from './disk-shim.mjs';
import { produceError } from './questions.mjs';
import { topicConfigs } from './storage-modes.mjs';
import { PARTITIONS, Traffic } from './traffic.mjs';

const KAFKA_STORAGE_ERROR = 56;
const EXIT_IO_ERROR = 74;
const MIB = 1024 * 1024;
/** Of the end of a segment: more than what is on its way, less than the journal has of it. */
const LOST_BYTES = 20_000;
/** Records of a partition. */
const READ_MIN = 100;
/** XFS takes no smaller one. */
const SIZES_MIB = { tmpfs: 64, ext4: 96, xfs: 320 };
const MAKE = { ext4: ['mkfs.ext4', '-q', '-F', '-m', '0'], xfs: ['mkfs.xfs', '-q', '-f'] };
/** mkfs is not in every user's path. */
const ENVIRONMENT = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };

function run(name, ...args) {
  const { status, stderr, error } = spawnSync(name, args, { encoding: 'utf8', env: ENVIRONMENT });
  return status === 0 ? null : error?.code === 'ENOENT' ? `there is no ${name}` : stderr.trim() || `${name} ended with ${status}`;
}

/** @returns why there is none, or null */
function mountSmall(kind, image, mounted) {
  const bytes = SIZES_MIB[kind] * MIB;
  if (kind === 'tmpfs') return run('mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'ringlog-full', mounted);
  closeSync(openSync(image, 'w'));
  truncateSync(image, bytes);
  return run(...MAKE[kind], image) ?? run('mount', '-o', 'loop', image, mounted);
}

/** A file of all there is. */
function fill(path) {
  const fd = openSync(path, 'w');
  for (const bytes of [MIB, 4096, 512]) {
    const piece = Buffer.alloc(bytes, 1);
    try {
      for (;;) writeSync(fd, piece);
    } catch (error) {
      assert(error.code === 'ENOSPC', error.message);
    }
  }
  closeSync(fd);
}

/** Of each partition, so that each has something to read when the disk is full. */
const enoughIn = (ledger) =>
  Array.from({ length: PARTITIONS }, (_, i) => ledger.sent(i).filter(({ acked }) => acked).length).every((acked) => acked > READ_MIN);

const answers = (port, shards, topic, bytes) =>
  Promise.all(Array.from({ length: shards }, (_, i) => produceError(port + i, topic, 0, bytes).catch(() => -1)));

async function readsGoOn(broker, topic) {
  const reader = new TailReader(broker.port, topic, PARTITIONS);
  reader.start();
  await reader.finish();
  assert(reader.read(0).length > READ_MIN, 'reads do not go on');
  equal(reader.complaints, [], 'reads while full');
}

/** kill -9, and a start without any room: it serves, or says what to do. */
async function restartFull(broker, topic) {
  await broker.kill();
  try {
    await broker.start();
  } catch (error) {
    assert(/is full.*free/.test(broker.said), `it neither started nor said what to do (code ${broker.code}): ${error.message}`);
    return `a start refused with ${broker.code}`;
  }
  await readsGoOn(broker, topic);
  return 'a start served reads';
}

export async function fullDisk({ work, kind, storage, shards, random }) {
  const mounted = join(work, 'full');
  mkdirSync(mounted, { recursive: true });
  const reason = mountSmall(kind, join(work, 'full.img'), mounted);
  if (reason !== null) return `skipped: ${reason}`;
  const unmount = () => spawnSync('umount', ['-l', mounted]);
  // Before the directory is removed.
  process.prependOnceListener('exit', unmount);
  const set = { 'ringlog.shards': String(shards), 'num.partitions': '4' };
  const broker = await ChildBroker.create(shards, { dataDir: join(mounted, 'data'), set });
  const traffic = new Traffic({ port: broker.port, prefix: 'full', random, storage });
  try {
    await broker.start();
    await traffic.createTopics(topicConfigs(storage));
    await createTopic(broker.port, 'probe', 1, {});
    traffic.start();
    await traffic.until('there is data', () => traffic.loads.every(({ ledger }) => enoughIn(ledger)));
    const hog = join(mounted, 'hog');
    fill(hog);
    const { topic } = traffic.loads[0].ledger;
    await traffic.until('appends are refused', async () =>
      (await answers(broker.port, shards, 'probe', 64 * 1024)).includes(KAFKA_STORAGE_ERROR),
    );
    await readsGoOn(broker, topic);
    assert(broker.alive, `it ended with ${broker.code}: ${broker.said}`);
    const made = await createTopic(broker.port, 'made-while-full', 2, {}).then(
      () => 0,
      (error) => error.code,
    );
    assert(made === 0 || made === KAFKA_STORAGE_ERROR, `creating a topic was answered ${made}`);
    const restarted = await restartFull(broker, topic);
    rmSync(hog);
    if (!broker.alive) await broker.start();
    for (const load of traffic.loads) load.mark();
    await traffic.until('service resumes', () => traffic.loads.every((load) => load.isThrough));
    const after = traffic.commits.acked + 3;
    await traffic.until('commits resume', () => traffic.commits.acked > after);
    if (made === 0)
      await traffic.until('the topic made while full serves', async () =>
        (await answers(broker.port, shards, 'made-while-full')).includes(0),
      );
    await broker.kill();
    await broker.start();
    await traffic.finish();
    const code = await broker.stop();
    assert(code === 0, `the stop ended with ${code}`);
    return `appends refused, reads went on, ${restarted}, service resumed${broker.said.includes('use the page cache') ? ', without O_DIRECT' : ''}`;
  } catch (error) {
    error.message += `\nthe broker said:\n${broker.said.split('\n').slice(-12).join('\n')}`;
    throw error;
  } finally {
    traffic.abandon();
    await broker.close();
    unmount();
    process.off('exit', unmount);
  }
}

/** The segments lost bytes that the commit journal has, and there is no room to put them back. */
export async function fullAtStart({ library, work, shards, random }) {
  rmSync(work, { recursive: true, force: true });
  const dataDir = join(work, 'data');
  const set = { 'ringlog.shards': String(shards), 'num.partitions': '4' };
  const broker = await ChildBroker.create(shards, { dataDir, set });
  const traffic = new Traffic({ port: broker.port, prefix: 'replayed', random, storage: 'managed' });
  try {
    await broker.start();
    await traffic.createTopics({});
    traffic.start();
    await traffic.until('there is data', () => traffic.acked > 2000);
    await broker.kill();
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const dir = join(dataDir, `${traffic.loads[0].ledger.topic}-${partition}`);
      const path = join(
        dir,
        readdirSync(dir)
          .filter((name) => name.endsWith('.log'))
          .sort()
          .at(-1),
      );
      truncateSync(path, statSync(path).size - LOST_BYTES);
    }
    const log = join(work, 'struck');
    const { ENOSPC } = constants.errno;
    broker.env = withFault(library, {
      dir: `${dataDir}/${traffic.loads[0].ledger.topic}-0`,
      kind: 'write',
      ns: [1],
      errno: ENOSPC,
      stays: true,
      log,
    });
    const started = await broker.start().then(
      () => true,
      () => false,
    );
    assert(!started && broker.code === EXIT_IO_ERROR, `it was to end with ${EXIT_IO_ERROR}: ${broker.code}, ${broker.said}`);
    assert(
      /is full.*commit journal.*nothing of it is lost.*free .* start again/.test(broker.said),
      `it does not say what to do: ${broker.said}`,
    );
    broker.env = {};
    await broker.start();
    await traffic.finish();
    return 'refused with what to do, then all of it is there';
  } finally {
    traffic.abandon();
    await broker.close();
  }
}
