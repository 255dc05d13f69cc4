// Micro benchmarks of the request path, one table. Needs dist/ (npm run build).
//
//   node --expose-gc bench/micro/run.mjs            all
//   node --expose-gc bench/micro/run.mjs produce    those whose file is named so

import { readdirSync } from 'node:fs';
import Table from 'cli-table3';

const wanted = process.argv.slice(2);
// The ring's benchmark starts threads and is a program of its own.
const files = readdirSync(import.meta.dirname ?? new URL('.', import.meta.url).pathname)
  .filter((name) => name.endsWith('.bench.mjs') && name !== 'ring.bench.mjs')
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.startsWith(part)));

const table = new Table({
  head: ['operation', 'ns', 'heap bytes', ''],
  colAligns: ['left', 'right', 'right', 'left'],
  style: { head: [], border: [] },
});
for (const file of files) {
  const { run } = await import(new URL(file, import.meta.url).href);
  for (const { name, ns, bytes, note } of await run()) table.push([name, ns.toFixed(0), bytes.toFixed(0), note]);
}
process.stdout.write(`${table.toString()}\n`);
