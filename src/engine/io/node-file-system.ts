// The real disk through node:fs, synchronously. Owner: whichever thread uses it; no state. Not hot.

import {
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rm,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { constants as systemConstants } from 'node:os';
import { dirname } from 'node:path';
import type { CommitFile, FileSystem } from './file-system.ts';

function write(fd: number, from: Uint8Array, fromOffset: number, length: number, position: number): void {
  for (let done = 0; done < length;) {
    done += writeSync(fd, from, fromOffset + done, length - done, position + done);
  }
}

function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Not Node's recursive one: where a parent is there but takes no directories, as /proc, that one tries for ever. */
function makeDirectory(path: string): void {
  if (isDirectory(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeDirectory(parent);
  try {
    mkdirSync(path);
  } catch (error) {
    // Another process was quicker.
    if (!isDirectory(path)) throw error;
  }
}

/** Undefined where the system has none. */
const { O_DIRECT, O_DSYNC } = constants as { readonly O_DIRECT?: number; readonly O_DSYNC?: number };

function openForCommits(path: string, direct: boolean): CommitFile {
  const flags = constants.O_RDWR | constants.O_CREAT | (O_DSYNC ?? 0);
  const synchronous = O_DSYNC !== undefined;
  if (direct && O_DIRECT !== undefined) {
    try {
      return { fd: openSync(path, flags | O_DIRECT, 0o644), direct: true, synchronous };
    } catch (error) {
      // The file system has no direct writes (tmpfs before 6.6, some network and layered ones).
      if ((error as { code?: string }).code !== 'EINVAL') throw error;
    }
  }
  return { fd: openSync(path, flags, 0o644), direct: false, synchronous };
}

export const nodeFileSystem: FileSystem = {
  open: (path, flags) => openSync(path, flags, 0o644),
  openForCommits,
  close: closeSync,
  read(fd, into, intoOffset, length, position) {
    let done = 0;
    while (done < length) {
      const bytes = readSync(fd, into, intoOffset + done, length - done, position + done);
      if (bytes === 0) break;
      done += bytes;
    }
    return done;
  },
  write,
  truncate: ftruncateSync,
  size: (fd) => fstatSync(fd).size,
  fdatasync: fdatasyncSync,
  syncDirectory,
  rename: renameSync,
  remove: (path) => rmSync(path, { force: true }),
  removeTree: (path) => rmSync(path, { force: true, recursive: true }),
  discard: (path) => rm(path, { force: true, recursive: true }, () => undefined),
  makeDirectory,
  list: (path) => readdirSync(path),
  exists: existsSync,
  isDirectory,
  readText: (path) => readFileSync(path, 'utf8'),
  replaceText(path, text) {
    const temporary = `${path}.tmp`;
    const fd = openSync(temporary, 'w', 0o644);
    try {
      const bytes = Buffer.from(text, 'utf8');
      write(fd, bytes, 0, bytes.length, 0);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
    syncDirectory(dirname(path));
  },
  modifiedMs: (path) => statSync(path).mtimeMs,
  setModifiedMs: (path, modifiedMs) => utimesSync(path, modifiedMs / 1000, modifiedMs / 1000),
  manage: () => -systemConstants.errno.EOPNOTSUPP,
};
