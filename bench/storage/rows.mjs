// The rows of the storage table as data: who takes part, which figures are read from a run's result, and which ratios have to
// reach what. A ratio is `over / under` of one figure; a goal is a least value, or a most one with `atMost`. A row with `isQuiet`
// has each ratio once more over the pairs of which the machine left both runs alone; `mark` is put beside a run. Pure.

import { isQuiet, isTailOfHiccups } from '../hiccups.mjs';

const GB = 1e9;

const acksPerSecond = { name: 'acks/s', of: (r) => r.requestsPerSecond };
const p50 = { name: 'p50 us', of: (r) => r.latencyUs.p50 };
const p99 = { name: 'p99 us', of: (r) => r.latencyUs.p99 };
const flushesPerSecond = { name: 'flushes/s', of: (r) => r.device && r.device.flushes / r.seconds };
const acksPerFlush = { name: 'acks/flush', of: (r) => r.device && r.requests / r.device.flushes };
const writeAmplification = { name: 'write amp.', of: (r) => r.deviceWriteBytes && r.deviceWriteBytes / r.totalBytes };
const switchesPerRequest = {
  name: 'switches/req',
  of: (r) => (r.broker.voluntarySwitches + r.broker.involuntarySwitches) / r.requests,
};
const bytesPerCpuSecond = { name: 'GB/CPU-s', of: (r) => r.totalBytes / GB / r.wholeSystemCpuSeconds };
const cpuPerGigabyte = { name: 'CPU-s/GB', of: (r) => (r.wholeSystemCpuSeconds * GB) / r.totalBytes };
const brokerCpuPerGigabyte = { name: 'broker alone', of: (r) => r.broker.cpuSecondsPerGB };
const foreignPercent = { name: 'foreign %', of: (r) => r.foreignShare * 100 };
const foreignShare = { name: 'foreign', of: (r) => r.foreignShare };
const pageNs = { name: 'ns/new page', of: (r) => r.newPageNs };

const durable = (id, title, load, floor, aim) => ({
  id,
  stage: 'durable',
  title: `fsync before every ack: ${title} of 1,000 B`,
  load: { recordBytes: 1000, records: 1, ...load },
  contenders: ['kafka', 'ringlog', 'ringlog, segments', 'ceiling'],
  figures: [acksPerSecond, p50, p99, flushesPerSecond, acksPerFlush, writeAmplification, switchesPerRequest],
  ratios: [
    { figure: 'acks/s', over: 'ringlog', under: 'kafka', floor, aim },
    { figure: 'acks/s', over: 'ringlog, segments', under: 'kafka' },
    { figure: 'acks/s', over: 'ringlog', under: 'ceiling' },
    { figure: 'acks/s', over: 'ringlog, segments', under: 'ringlog' },
    { figure: 'write amp.', over: 'ringlog, segments', under: 'ringlog' },
  ],
});

export const regimes = {
  hot: 'hot free pages (touched and freed just before)',
  cold: 'cold free pages (given back to the host before)',
  full: 'cache full (every new page displaces an old one)',
};

const managed = (size, records, regime) => ({
  id: `managed-${size}-${regime}`,
  stage: 'managed',
  title: `managed against page cache: ${size === '64k' ? '64 KiB' : '1 MiB'} appends, 4 connections x 5, ${regimes[regime]}`,
  regime,
  load: { partitions: 4, connections: 4, inFlight: 5, recordBytes: 1000, records },
  contenders: ['page-cache', 'managed'],
  figures: [bytesPerCpuSecond, cpuPerGigabyte, brokerCpuPerGigabyte, writeAmplification, switchesPerRequest, pageNs, foreignShare],
  // In hot pages the page cache may well win: that ratio is printed, and has no goal.
  ratios: [{ figure: 'GB/CPU-s', over: 'managed', under: 'page-cache', ...(regime === 'hot' ? {} : { floor: 1, aim: 1.3 }) }],
});

const megabytesPerSecond = { name: 'MB/s to disk', of: (r) => r.totalBytes / 1e6 / r.secondsToDisk };
const readPerByte = { name: 'read/byte', of: (r) => r.deviceReadBytes / r.totalBytes };
const ownCpuPerGigabyte = { name: 'own + kthreads', of: (r) => (r.ownCpuSeconds * GB) / r.totalBytes };
const flushesPerMiB = { name: 'flushes/MiB', of: (r) => r.device && (r.device.flushes * 2 ** 20) / r.totalBytes };

/** Recycled over new, of each of these figures. */
const recycledOverNew = (kinds, figures) => kinds.flatMap(([over, under]) => figures.map(({ name }) => ({ figure: name, over, under })));

const recycle = (size, writeBytes, regime) => {
  // A page that is written in part has to be read first: what counts is how many there are, so at 1 MiB it is nothing.
  const buffered = ['buffered, cached', 'buffered, gone', ...(size === '64k' ? ['buffered, gone, odd'] : [])];
  const pairs = [...buffered.map((over) => [over, 'buffered, new']), ['direct, old', 'direct, new']];
  return {
    id: `recycle-${size}-${regime}`,
    stage: 'recycle',
    title: `recycled segments against new ones: writes of ${size === '64k' ? '64 KiB' : '1 MiB'}, 1 thread, no broker, ${regimes[regime]}`,
    regime,
    writeBytes,
    syncBytes: 0,
    contenders: ['buffered, new', ...buffered, 'direct, new', 'direct, old'],
    figures: [
      bytesPerCpuSecond,
      cpuPerGigabyte,
      ownCpuPerGigabyte,
      megabytesPerSecond,
      writeAmplification,
      readPerByte,
      flushesPerMiB,
      { name: 'old cached', of: (r) => r.cachedShare },
      pageNs,
      foreignShare,
    ],
    ratios: recycledOverNew(pairs, [bytesPerCpuSecond]),
  };
};

const recycleDurable = {
  ...recycle('1m', 2 ** 20, 'hot'),
  id: 'recycle-durable',
  title: 'recycled segments against new ones: fdatasync after every write of 1 MiB, 1 thread, no broker',
  syncBytes: 2 ** 20,
  contenders: ['buffered, new', 'buffered, gone', 'direct, new', 'direct, zeroed', 'direct, old'],
  figures: [
    flushesPerMiB,
    writeAmplification,
    p50,
    p99,
    megabytesPerSecond,
    bytesPerCpuSecond,
    cpuPerGigabyte,
    ownCpuPerGigabyte,
    foreignShare,
  ],
  ratios: recycledOverNew(
    [
      ['buffered, gone', 'buffered, new'],
      ['direct, old', 'direct, new'],
      ['direct, old', 'direct, zeroed'],
    ],
    [flushesPerMiB, writeAmplification, megabytesPerSecond, bytesPerCpuSecond],
  ),
};

const recycleManaged = {
  id: 'recycle-managed',
  stage: 'recycle-managed',
  title:
    'recycled segments against new ones in the broker: managed, 1 partition, segments of 64 MiB, 1 MiB a request, fsync before every ack',
  load: { partitions: 1, connections: 1, inFlight: 1, recordBytes: 1000, records: 1024 },
  contenders: ['new', 'recycled'],
  figures: [
    flushesPerMiB,
    writeAmplification,
    { name: 'recycled', of: (r) => r.recycledShare },
    p50,
    p99,
    { name: 'MB/s', of: (r) => r.totalBytes / 1e6 / r.seconds },
    bytesPerCpuSecond,
    cpuPerGigabyte,
    brokerCpuPerGigabyte,
    foreignShare,
  ],
  ratios: recycledOverNew([['recycled', 'new']], [flushesPerMiB, writeAmplification, { name: 'MB/s' }, bytesPerCpuSecond]),
};

const withReader = (name) => `${name} + reader`;
const tax = (name, goals = {}) => [
  { figure: 'end p99 us', over: withReader(name), under: name, ...goals },
  { figure: 'pub p99 us', over: withReader(name), under: name, ...goals },
];
const hiccupP99 = (core) => ({
  name: `hiccup p99 us core ${core}`,
  of: (r) => r.hiccups.cores.find((each) => each.core === core)?.p99,
});
const tailGoals = { floor: 1.5, aim: 1.05, atMost: true };

const restart = (id, partitions, peers, ratios) => ({
  id,
  stage: id,
  partitions,
  title: `restart after kill -9, ${partitions} partitions, from the start of the process to the first ack`,
  contenders: [...peers, 'ringlog', 'ringlog, no data', 'ringlog, empty dir'],
  figures: [
    { name: 'first ack ms', of: (r) => r.firstAckMs },
    { name: 'all partitions ms', of: (r) => r.allAcksMs },
    { name: 'disk read MB', of: (r) => r.deviceReadBytes / 1e6 },
    { name: 'recovery read MB', of: (r) => r.recoveryBytes / 1e6 },
  ],
  ratios: [
    ...ratios,
    { figure: 'first ack ms', over: 'ringlog', under: 'ringlog, empty dir', floor: 1.2, atMost: true },
    { figure: 'first ack ms', over: 'ringlog', under: 'ringlog, no data', floor: 1.2, atMost: true },
  ],
});

export const rows = [
  recycleDurable,
  recycleManaged,
  // Small writes into cold pages are left out for want of time: it is long ones that find none that are warm.
  ...Object.keys(regimes).flatMap((regime) => [
    ...(regime === 'cold' ? [] : [recycle('64k', 64 * 1024, regime)]),
    recycle('1m', 2 ** 20, regime),
  ]),
  durable('durable-64', '64 partitions, 64 connections x 1 in flight', { partitions: 64, connections: 64, inFlight: 1 }, 8, 25),
  durable('durable-1', '1 partition, 1 connection x 5 in flight', { partitions: 1, connections: 1, inFlight: 5 }, 2, 5),
  durable('durable-1-32k', '1 partition, 1 connection x 5 in flight of 32 records', {
    partitions: 1,
    connections: 1,
    inFlight: 5,
    records: 32,
  }),
  ...Object.keys(regimes).flatMap((regime) => [managed('64k', 64, regime), managed('1m', 1024, regime)]),
  {
    id: 'catch-up',
    stage: 'catch-up',
    title: 'catch-up tax: tail of 2,000 msg/s x 1,000 B while a reader scans 3 x the memory budget, against without it',
    load: { partitions: 1, connections: 1, recordBytes: 1000, rate: 2000 },
    contenders: ['kafka', 'page-cache', 'managed'].flatMap((name) => [name, withReader(name)]),
    figures: [
      { name: 'end p50 us', of: (r) => r.endToEndUs.p50 },
      { name: 'end p99 us', of: (r) => r.endToEndUs.p99 },
      { name: 'pub p99 us', of: (r) => r.latencyUs.p99 },
      { name: 'pub p99.9 us', of: (r) => r.latencyUs.p99_9 },
      { name: 'scanned GB', of: (r) => r.reader && r.reader.bytes / GB },
      { name: 'disk read GB', of: (r) => r.device && r.device.readBytes / GB },
      { name: 'own MiB', of: (r) => r.split?.ownMiB },
      { name: 'cache MiB', of: (r) => r.split?.cacheMiB },
      switchesPerRequest,
      foreignPercent,
      hiccupP99(0),
      hiccupP99(1),
      { name: 'hiccup max us', of: (r) => Math.max(...r.hiccups.cores.map(({ max }) => max)) },
      { name: 'hiccups > 2 ms', of: (r) => r.hiccups.longHiccups },
      { name: 'host ms', of: (r) => r.hiccups.hostMs },
      { name: 'kernel ms', of: (r) => r.hiccups.kernelMs },
      { name: 'for broker ms', of: (r) => r.hiccups.brokerKernelMs },
      { name: 'late %', of: (r) => r.hiccups.lateShare * 100 },
      { name: 'late, no hiccup %', of: (r) => r.hiccups.unexplainedShare * 100 },
    ],
    isQuiet,
    mark: (r) => (isTailOfHiccups(r.hiccups) ? "p99 is the machine's" : undefined),
    ratios: [...tax('kafka'), ...tax('page-cache', tailGoals), ...tax('managed', tailGoals)],
  },
  restart(
    'restart',
    8,
    ['kafka'],
    [
      { figure: 'first ack ms', over: 'kafka', under: 'ringlog', floor: 10, aim: 100 },
      { figure: 'all partitions ms', over: 'kafka', under: 'ringlog' },
    ],
  ),
  // Kafka would read the 7 GiB again, whatever they are divided into.
  restart('restart-64', 64, [], []),
];
