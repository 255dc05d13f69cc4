// Advice: the rules give what a hand calculation gives, name the runs they used, and say what is missing rather than guess.
import { expect, test } from 'vitest';
import { DISK_VERSION } from '../../src/contracts/disk-limits.ts';
import { adviceOf, type Advice, type Known, type KnownRun, type Wishes } from '../../src/sweep/advice.ts';
import { advicePage } from '../../src/sweep/advice-page.ts';
import { reportAssets } from '../../src/cli/report-file.ts';
import { madeRun } from '../support/made-run.ts';
import { madeTrial } from '../support/made-trials.ts';

const wishes: Wishes = { bytesPerSecond: 3e6, p99Ms: 20, retentionHours: 10, lagSeconds: 100 };
const nothing: Known = { runs: [], experiments: [], disk: null };

const about = (topic: string, known: Known): Advice => adviceOf(known, wishes).find((advice) => advice.topic === topic)!;

/** The made run acknowledges 1,000 records of 100 B a second over 2 topics of 3 partitions. */
function knownRun(folder: string, changes: Parameters<typeof madeRun>[0] = {}, figures: KnownRun['figures'] = {}): KnownRun {
  return { folder, result: madeRun(changes), figures };
}

test('what was not measured is not known, with the command that would measure it', () => {
  for (const { topic, text, sources } of adviceOf(nothing, wishes)) {
    if (topic === 'Disk for retention') continue;
    expect(text).toMatch(/^not known: .*Measure it: ringlog bench/);
    expect(sources).toEqual([]);
  }
});

test('partitions are max(T / Tp, T / Tc) with headroom, from the best run, whose folder is named', () => {
  const run = knownRun('runs/a');
  const total = run.result.phases[1]!;
  const twice = { ...total, counters: { ...total.counters, acked: 20_000, receivedBytes: 1_200_000 } };
  const better = knownRun('runs/b', { phases: [run.result.phases[0]!, twice] });
  const { text, sources } = about('Partitions', { ...nothing, runs: [run, better] });
  // Tp: 20,000 x 100 B / 10 s / 6 = 33.3 kB/s; Tc: 1.2 MB / 10 s / 6 = 20 kB/s; 1.3 x 3 MB/s / 20 kB/s = 195.
  expect(text).toMatch(/^195 for 3\.00 MB\/s.*takes at least 0\.033 MB\/s.*gives one group at least 0\.020 MB\/s.*not driven to its limit/);
  expect(sources).toEqual(['runs/b']);
});

test('an INVALID run advises nothing', () => {
  const verdict = { standing: 'INVALID' as const, reasons: [], warnings: [] };
  expect(about('Partitions', { ...nothing, runs: [knownRun('runs/a', { verdict })] }).text).toContain('not known');
});

test('of the settings that hold the objective the cheapest for the broker is named', () => {
  const settings = (linger: string) => ({ producerSettings: { acks: '1', 'linger.ms': linger, 'batch.size': '16384' } });
  const runs = [
    knownRun('fast', settings('0'), { publishP99Ms: 5, brokerCpuUsPerRecord: 50 }),
    knownRun('cheap', settings('5'), { publishP99Ms: 15, brokerCpuUsPerRecord: 20 }),
    knownRun('late', settings('50'), { publishP99Ms: 60, brokerCpuUsPerRecord: 5 }),
  ];
  const found = about('Linger and batch', { ...nothing, runs });
  expect(found.text).toMatch(/^acks=1 linger.ms=5 batch.size=16384 compression=none holds .*15\.0 ms.*2 of 3 settings hold it$/);
  expect(found.sources).toEqual(['cheap']);
  const none = adviceOf({ ...nothing, runs }, { ...wishes, p99Ms: 1 }).find(({ topic }) => topic === 'Linger and batch')!;
  expect(none.text).toContain('no setting of 3 held a publish p99 of 1 ms; the least was 5.00 ms with acks=1 linger.ms=0');
});

test('what a dial costs comes from runs that differ in it alone', () => {
  const levels = ['page-cache', 'managed'].flatMap((storage) => ['1', 'all'].map((acks) => ({ storage, acks })));
  const cells = levels.map((one) => ({ id: `${one.storage} ${one.acks}`, levels: one }));
  const trials = cells.flatMap(({ id, levels: { storage, acks } }) =>
    [0, 1, 2].map((repeat) =>
      madeTrial(id, repeat, {
        folder: `runs/${id}-${repeat}`,
        // acks=all is a hundred times slower: a comparison across it would show.
        figures: { publishP99Ms: (storage === 'managed' ? 3 : 1) * (acks === 'all' ? 100 : 1) * (1 + repeat / 100) },
      }),
    ),
  );
  const record = {
    ...{ recordVersion: 1 as const, kind: 'sweep' as const, title: 't', startedAt: '', repeats: 3, seed: 1, cells },
    dials: { storage: ['page-cache', 'managed'], acks: ['1', 'all'] },
  };
  const { text, sources } = about('Storage mode', { ...nothing, experiments: [{ folder: 'e', record, trials }] });
  expect(text).toBe('publish p99 of managed is 3.00 times [3.00..3.00, 6 pairs] that of page-cache');
  expect(sources[0]).toBe('e/runs/page-cache 1-0');
});

test('memory, disk and the floor of an ack are sums that can be checked by hand', () => {
  const run = knownRun('runs/a', {}, { brokerPeakMemoryMB: 100, deviceBytesPerByteSent: 2 });
  const one = { what: '', depth: 1, callsPerSecond: 1, maxUs: 0 };
  const figures = [
    { ...one, work: 'append-fdatasync', bytes: 4096, bytesPerSecond: 1, p50Us: 2000, p99Us: 5000 },
    { ...one, work: 'append', bytes: 1048576, bytesPerSecond: 60e6, p50Us: 1, p99Us: 1 },
  ];
  const limits = {
    diskVersion: DISK_VERSION,
    measuredAt: '',
    dir: '',
    fileSystem: null,
    disk: null,
    virtual: 'vda',
    figures,
    left: [],
  } as const;
  const known: Known = { ...nothing, runs: [run], disk: { folder: 'disk.html', limits } };
  // 3 MB/s x 1.1 x 100 s = 330 MB and 100 MB.
  expect(about('Memory for the tail', known).text).toMatch(/^430 MB: 330 MB of log .* 100 MB/);
  // 3 MB/s x 1.1 x 36,000 s x 1.25 = 148.5 GB; 6 of 60 MB/s.
  expect(about('Disk for retention', known).text).toMatch(
    /^149 GB a replica .*2\.00 bytes for each byte sent, so 6\.00 MB\/s; that is 10\.0 %/,
  );
  expect(about('Durable acks on this disk', known).text).toMatch(/less than 2\.00 ms \(p99 5\.00 ms\).*virtual/);
  const page = advicePage({ asked: '<b>', runs: 1, advice: adviceOf(known, wishes) }, reportAssets());
  expect(page).toContain('href="runs/a/report.html"');
  expect(page).toContain('href="disk.html"');
  expect(page).not.toContain('<b>');
});
