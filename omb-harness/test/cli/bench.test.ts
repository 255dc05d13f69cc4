// `ringlog bench` as people start it: against a broker of its own, cut short by Ctrl-C, and given what cannot work.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ExperimentFolder } from '../../src/cli/experiment-folder.ts';
import type { RunResult } from '../../src/contracts/run-result.ts';
import type { Trial } from '../../src/contracts/trial.ts';
import { nativeWorker } from '../../src/drivers/native-worker.ts';

const root = join(import.meta.dirname, '..', '..', '..');
let dir: string;
const COMPILE_MS = 600_000;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'bench-'));
  // Not within a test's own time.
  nativeWorker(() => undefined);
}, COMPILE_MS);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Whether figures are steady is not what these tests are about. */
const briefly = ['--warmup-max-seconds', '0'];

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** `onErr` is called with all of standard error so far. */
async function bench(
  args: readonly string[],
  onErr: (text: string, kill: (signal: NodeJS.Signals) => void) => void = () => undefined,
): Promise<Ended> {
  const child = spawn(process.execPath, [join(root, 'bin', 'ringlog.mjs'), 'bench', ...args], {
    cwd: dir,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => void (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
    onErr(err, (signal) => child.kill(signal));
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

function resultIn(results: string): RunResult {
  const run = readdirSync(join(dir, results)).find((name) => name.startsWith('quick-'))!;
  return JSON.parse(readFileSync(join(dir, results, run, 'result.json'), 'utf8')) as RunResult;
}

test("quick runs against a broker it starts: a table, our result, OMB's at -o, and nothing of the broker is left", async () => {
  const args = ['quick', '--duration-seconds', '2', ...briefly, '--results', 'whole', '-o', 'omb.json'];
  const { code, out, err } = await bench(args);
  // Whether the generator was late is the machine's affair.
  expect([0, 2], err).toContain(code);
  expect(out).toMatch(/publish, from intended time/);
  expect(out).toMatch(/lost 0, duplicated 0, reordered 0, corrupt 0/);
  const result = resultIn('whole');
  const total = result.phases[result.measuredPhase!]!;
  expect(total.counters).toMatchObject({ due: 10_000, acked: 10_000 });
  // Over all phases: a worker that hears of a phase after its beginning has sent records of both until then.
  const all = (name: 'acked' | 'received'): number => result.phases.reduce((sum, { counters }) => sum + counters[name], 0);
  expect(all('received')).toBe(all('acked'));
  expect(result.system!.product).toMatch(/^Ringlog \d/);
  expect(result.system!.durability).toContain('survives power loss');
  expect(total.brokerCpuSeconds).toBeGreaterThan(0);
  expect(JSON.parse(readFileSync(join(dir, 'omb.json'), 'utf8'))).toMatchObject({ driver: 'ringlog', messageSize: 1024 });
  expect(readdirSync(join(dir, 'whole')).filter((name) => name.startsWith('broker-'))).toEqual([]);
  // The last line is the report's path; made anew it is the same.
  const report = /\n {2}report {6}(.+report\.html)\n$/.exec(out)![1]!;
  const page = readFileSync(join(dir, report), 'utf8');
  const again = await bench(['report', dirname(report), '-o', 'again.html']);
  expect(again).toEqual({ code: 0, out: 'again.html\n', err: '' });
  expect(readFileSync(join(dir, 'again.html'), 'utf8')).toBe(page);
  expect(page).toContain('Flushes of the disk');
});

test('a sweep keeps every run, and what is done is not run again, though the last line of its journal is half a line', async () => {
  writeFileSync(
    join(dir, 'sweep.yaml'),
    'workload: quick\ndurationSeconds: 1\nsettings: { rate: 200, messageSize: 64 }\ndials: { acks: [1, all], fsync: [never] }\n',
  );
  const args = ['sweep', './sweep.yaml', '--results', 'swept', '--as-found', ...briefly];
  const first = await bench(args);
  expect([0, 2], first.err).toContain(first.code);
  const folder = join(
    dir,
    'swept',
    readdirSync(join(dir, 'swept')).find((name) => name.startsWith('sweep-sweep-'))!,
  );
  const lines = readFileSync(join(folder, 'trials.ndjson'), 'utf8').trim().split('\n');
  const trials = lines.map((line) => JSON.parse(line) as Trial);
  expect(trials.map(({ cell }) => cell)).toEqual(['acks=1 fsync=never', 'acks=all fsync=never']);
  expect(trials[1]!.figures.acknowledgedPerSecond).toBeCloseTo(200, 0);
  expect(trials[0]!.memoryRegime).toContain('as found');
  const run = JSON.parse(readFileSync(join(folder, trials[0]!.folder!, 'result.json'), 'utf8')) as RunResult;
  expect(run.driver.producerConfig.acks).toBe('1');
  expect(run.system!.brokerSettings['ringlog.fsync']).toBe('never');
  expect(readdirSync(folder).sort()).toEqual(['experiment.json', 'report.html', 'runs', 'trials.ndjson']);
  writeFileSync(join(folder, 'trials.ndjson'), `${lines[0]}\n${lines[1]!.slice(0, 40)}`);
  const second = await bench(args);
  expect(second.err).toContain('1 of 2 runs are done');
  expect(second.err.match(/\] \d of 2/g)).toEqual(['] 1 of 2']);
  // What came after the half line is kept, too.
  expect(ExperimentFolder.read(folder).trials.map(({ cell }) => cell)).toEqual(['acks=1 fsync=never', 'acks=all fsync=never']);
  expect(readFileSync(join(folder, 'report.html'), 'utf8')).toContain('acks=all fsync=never');
  const advice = await bench(['advise', '--results', 'swept', '--json']);
  expect((JSON.parse(advice.out) as { advice: unknown[] }).advice).toHaveLength(7);
});

test('a stock workload on a stock driver, by name: what is not as their files say is said, and in the result; one chart of it', async () => {
  const args = [
    'simple-workload',
    '-d',
    'kafka-latency',
    '--duration-seconds',
    '1',
    '--warmup-seconds',
    '0',
    ...briefly,
    '--results',
    'stock',
    '--as-found',
  ];
  const { code, err } = await bench(args);
  expect([0, 2], err).toContain(code);
  expect(err).toContain('payload/payload-1Kb.data is not there');
  expect(err).toContain('replicationFactor 3 is 1 here');
  const folder = readdirSync(join(dir, 'stock')).find((name) => name.startsWith('simple-'))!;
  const result = JSON.parse(readFileSync(join(dir, 'stock', folder, 'result.json'), 'utf8')) as RunResult;
  expect(result.verdict.warnings.map(({ text }) => text).join('\n')).toContain('hex text of 1024 B');
  expect(result.driver.replicationFactor).toBe(1);
  const chart = await bench(['chart', join('stock', folder), '--chart', 'throughput', '-o', 'one.svg']);
  expect(chart).toEqual({ code: 0, out: 'one.svg\n', err: '' });
  expect(readFileSync(join(dir, 'one.svg'), 'utf8')).toMatch(/^<svg xmlns=/);
  expect((await bench(['chart', join('stock', folder), '--chart', 'througput'])).err).toContain('did you mean throughput?');
  expect((await bench(['list'])).out).toMatch(/quick[^]*max-rate-100-topics-1-partition-64kb[^]*kafka-sync[^]*acks-linger/);
}, 180_000);

test('Ctrl-C writes what there is, marked', async () => {
  let sent = false;
  const { code, out } = await bench(['quick', ...briefly, '--as-found', '--results', 'cut'], (err, kill) => {
    if (sent || !err.includes('measuring')) return;
    sent = true;
    kill('SIGINT');
  });
  expect(code).toBe(2);
  expect(out).toContain('INVALID (partial)');
  const result = resultIn('cut');
  expect(result.partial).toBe(true);
  expect(result.verdict.reasons[0]!.code).toBe('interrupted');
});

test('what cannot work is one clear line', async () => {
  const put = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text);
    return name;
  };
  const driver = put('driver.yaml', 'name: x\ndriverClass: io.openmessaging.benchmark.driver.kafka.KafkaBenchmarkDrivr\n');
  const misspelt = put('w.yaml', 'topics: 1\nmesageSize: 10\n');
  const clients = 'messageSize: 10\nproducersPerTopic: 1\nproducerRate: 10\ntestDurationMinutes: 1\n';
  const existing = put('existing.yaml', `topics: 0\nexistingTopicList: [orders]\n${clients}`);
  writeFileSync(join(dir, 'file'), '');
  const cases: readonly (readonly [args: string[], code: number, message: string])[] = [
    [
      ['-d', driver, '-b', '127.0.0.1:1'],
      3,
      "unknown driverClass 'io.openmessaging.benchmark.driver.kafka.KafkaBenchmarkDrivr'; did you mean",
    ],
    [['-b', '127.0.0.1:1'], 3, 'cannot reach 127.0.0.1:1'],
    [[misspelt], 1, "w.yaml:2: unknown field 'mesageSize'; did you mean 'messageSize'?"],
    [['qick'], 1, 'did you mean quick?'],
    [['report', 'absent.json'], 1, 'absent.json'],
    [['report', 'file'], 1, 'file is not a result'],
    [['--results', 'file'], 1, 'cannot write file'],
    [['--vary', 'ack=1'], 1, "did you mean 'acks'?"],
    [['--objective', 'fast'], 1, 'it must be as p99=5'],
    [['--repeats', '0'], 1, 'a whole number from 1 on'],
    [['--repeats', '2', '--vary', 'fsync=never', '-b', '127.0.0.1:1'], 1, '127.0.0.1:1 was not started here'],
    [['sweep', 'absent'], 1, 'nor the name of one of the sweeps that ship'],
    [['compare', '--storage', 'page-cache'], 1, 'one system is no comparison'],
    [['compare', '--peer', 'kafak'], 1, 'it is kafka or kafka-fsync'],
    [['compare', '--storage', 'paged'], 1, 'it is page-cache, managed or none'],
    [['advise', '--results', 'absent'], 1, 'measure something first'],
    [['-wf', 'workers.yaml', 'quick'], 1, 'the load runs on this one'],
    [['-w', 'quick,nosuch'], 1, 'nosuch is neither a file nor the name'],
    [['-x'], 1, '--consumer-workers say how many'],
    [[existing], 3, 'a broker that is started here has no topics yet: name the one that has them (--bootstrap)'],
  ];
  for (const [args, code, message] of cases) {
    const ended = await bench(args);
    expect(ended.err).toContain(message);
    expect(ended.err).not.toMatch(/\n\s+at /);
    expect(ended.code, args.join(' ')).toBe(code);
  }
  writeFileSync(join(dir, 'ringlog-bench.json'), '{"resultVersion":0}');
  const old = await bench(['--results', '.']);
  expect(old.err).toContain('holds results of version 0');
});
