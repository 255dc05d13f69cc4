// The compiled sources, for tests that start processes and threads of their own: Node 20 cannot run TypeScript in them.
// Owner: the test's thread. `npm test` has built already; a test run alone builds when a source is newer.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

export function compileSources(): void {
  if (!isStale()) return;
  const built = spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, encoding: 'utf8' });
  if (!existsSync(join(root, 'dist/bundle/ringlog.js'))) throw new Error(`the sources do not compile:\n${built.stdout}${built.stderr}`);
}

function isStale(): boolean {
  // Written last, and anew at every build, which the compiler's own outputs are not.
  const bundle = join(root, 'dist/bundle/ringlog.js');
  if (!existsSync(bundle)) return true;
  const builtMs = statSync(bundle).mtimeMs;
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
  return sources.some((name) => name.endsWith('.ts') && statSync(join(root, 'src', name)).mtimeMs > builtMs);
}
