// What a scrape of many partitions costs: the shard's part (the statement it writes once a second, whoever reads it) and the
// supervisor's (reading, naming and writing text). Prints the medians of many scrapes.
//
//   node bench/scrape.mjs [--partitions 1000] [--scrapes 20]
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ringlog = join(dirname(fileURLToPath(import.meta.url)), '..', 'bin', 'ringlog.mjs');
const { values } = parseArgs({
  options: { partitions: { type: 'string', default: '1000' }, scrapes: { type: 'string', default: '20' } },
});
const median = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

const dir = mkdtempSync(join(tmpdir(), 'ringlog-scrape-'));
const sets = ['listeners=PLAINTEXT://127.0.0.1:0', `log.dirs=${dir}`, 'ringlog.shards=1', 'ringlog.http.listener=127.0.0.1:0'];
const broker = spawn(process.execPath, [ringlog, 'serve', ...sets.flatMap((set) => ['--set', set])], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  let banner = '';
  for await (const chunk of broker.stdout) {
    banner += chunk;
    if (banner.includes('durability')) break;
  }
  const [, bootstrap] = /listening\s+(\S+)/.exec(banner);
  const [, http] = /(http:\/\/\S+?)\//.exec(banner);
  const topic = spawnSync(process.execPath, [
    ringlog,
    'topic',
    'create',
    'wide',
    '--partitions',
    values.partitions,
    '--bootstrap',
    bootstrap,
  ]);
  if (topic.status !== 0) throw new Error(String(topic.stderr));
  const scrapes = [];
  for (let i = 0; i < Number(values.scrapes); i++) {
    const began = performance.now();
    const text = await (await fetch(`${http}/metrics`)).text();
    const seconds = Number(/^ringlog_statement_seconds\{shard="0"\} (\S+)$/m.exec(text)[1]);
    scrapes.push({ ms: performance.now() - began, shardMs: seconds * 1000, bytes: text.length });
    // The next statement.
    await new Promise((resolve) => setTimeout(resolve, 1100));
  }
  const of = (key) => median(scrapes.map((scrape) => scrape[key]));
  console.log(`${values.partitions} partitions, ${values.scrapes} scrapes, medians`);
  console.log(`  the shard's statement, once a second   ${of('shardMs').toFixed(3)} ms`);
  console.log(`  a scrape as the client sees it         ${of('ms').toFixed(1)} ms, ${Math.round(of('bytes') / 1024)} KiB`);
} finally {
  const gone = new Promise((resolve) => broker.once('exit', resolve));
  broker.kill('SIGTERM');
  await gone;
  rmSync(dir, { recursive: true, force: true });
}
