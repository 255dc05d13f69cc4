// Where a file of this package is, whichever file of it asks: bundled code has lost the folder it was written in.
// Owner: pure. Not hot.

import { existsSync, readFileSync } from 'node:fs';

/** `path` from the package's root. */
export function packageFile(path: string): URL {
  let folder = new URL('.', import.meta.url);
  while (!existsSync(new URL('package.json', folder)) && folder.pathname !== '/') folder = new URL('..', folder);
  return new URL(path, folder);
}

export function packageVersion(): string {
  return (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }).version;
}
