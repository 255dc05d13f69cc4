// The compiled ring for tests that start real threads: workers of Node 20 cannot run TypeScript.
// Owner: the test's thread. `npm test` has built already; a test run alone builds when a source is newer.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../../../', import.meta.url);
const source = new URL('src/workers/ring/', root);
const output = new URL('dist/workers/ring/', root);

export function compileRing(): void {
  if (!isStale()) return;
  const compiler = fileURLToPath(new URL('node_modules/.bin/tsc', root));
  const built = spawnSync(compiler, ['-p', fileURLToPath(new URL('tsconfig.build.json', root))], { encoding: 'utf8' });
  // Errors elsewhere in the sources do not keep the ring from being written.
  if (!existsSync(new URL('mesh-endpoint.js', output))) throw new Error(`the ring does not compile:\n${built.stdout}${built.stderr}`);
}

function isStale(): boolean {
  return readdirSync(source).some((name) => {
    const compiled = new URL(name.replace(/\.ts$/, '.js'), output);
    return !existsSync(compiled) || statSync(compiled).mtimeMs < statSync(new URL(name, source)).mtimeMs;
  });
}
