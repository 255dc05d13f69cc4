// Bundles what is started as a process or a thread into few files, dist/bundle: a start that resolves and compiles four
// hundred small modules twice, once for the main thread and once for a shard's, takes twice the time.
//
//   node scripts/bundle.mjs
//
// Packages stay outside. Files are found by packageFile(), because a bundle has lost the folders they were written in.
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dir = join(root, 'dist', 'bundle');
const KEPT_MS = 60_000;

const began = Date.now();
const common = {
  cwd: root,
  platform: 'node',
  external: (id) => !id.startsWith('.') && !isAbsolute(id),
  tsconfig: join(root, 'tsconfig.build.json'),
  logLevel: 'warn',
};
await build({
  ...common,
  input: {
    ringlog: 'src/cli/main.ts',
    embed: 'src/embed/ringlog.ts',
    testing: 'src/testing/testing.ts',
    'shard-main': 'src/workers/shard/shard-main.ts',
    'background-worker': 'src/workers/background/background-worker.ts',
    bench: 'omb-harness/src/cli/bench.ts',
  },
  output: { dir, format: 'esm', sourcemap: true, entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
});
// Jest requires what a test imports, and cannot require an ES module.
await build({
  ...common,
  input: { testing: 'src/testing/testing.ts' },
  output: { dir, format: 'cjs', sourcemap: true, entryFileNames: '[name].cjs', chunkFileNames: '[name]-[hash].cjs' },
});
// What a page loads stands alone.
await build({
  cwd: root,
  input: 'src/browser/stream-client.ts',
  platform: 'browser',
  tsconfig: join(root, 'tsconfig.build.json'),
  output: { file: join(root, 'dist', 'browser', 'ringlog.js'), format: 'esm', minify: true },
  logLevel: 'warn',
});
const page = join(root, 'dist', 'browser', 'ringlog.js');
writeFileSync(page, readFileSync(page, 'utf8').replaceAll('/* @__PURE__ */ ', ''));
// A process that is starting may still ask for a piece of the build before this one.
for (const name of readdirSync(dir)) if (began - statSync(join(dir, name)).mtimeMs > KEPT_MS) rmSync(join(dir, name));
