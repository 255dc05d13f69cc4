// Where a file of this package is, whichever file of it asks: bundled code has lost the folder it was written in.
// Owner: pure. Not hot.

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const NAME = 'ringlog';
let root: URL | undefined;

/** `path` from the package's root. @throws when a bundler has put this file where the package is not */
export function packageFile(path: string): URL {
  root ??= findRoot(import.meta.url);
  return new URL(path, root);
}

export function packageVersion(): string {
  return (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }).version;
}

function findRoot(here: string): URL {
  for (let folder = new URL('.', here); ; folder = new URL('..', folder)) {
    if (isRoot(new URL('package.json', folder))) return folder;
    if (folder.pathname === new URL('..', folder).pathname) break;
  }
  // Bundled into somebody's file: threads and the addon are still started from files of the package.
  try {
    return new URL('.', pathToFileURL(createRequire(here).resolve(`${NAME}/package.json`)));
  } catch (cause) {
    throw new Error(`${NAME} starts threads from files of its package, which is not found from ${here}: leave it out of the bundle`, {
      cause,
    });
  }
}

function isRoot(file: URL): boolean {
  return existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { name?: string }).name === NAME;
}
