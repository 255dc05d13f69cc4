// A FileSystem that knows which descriptors a reactor manages: of those the end is in the reactor's memory, not in the
// file, so reading, cutting and syncing them goes there. Owner: the shard's thread. Not hot.

import { getSystemErrorName } from 'node:util';
import { assert } from '../base/assert.ts';
import type { FileSystem } from './file-system.ts';
import type { ManagedFiles } from './managed-files.ts';

class ManagedFileError extends Error {
  readonly code: string;

  constructor(operation: string, errno: number) {
    super(`${operation} of a managed file: ${getSystemErrorName(errno)}`);
    this.code = getSystemErrorName(errno);
  }
}

function checked(operation: string, result: number): number {
  if (result < 0) throw new ManagedFileError(operation, result);
  return result;
}

/** `fs` with the managed mode of a reactor. */
export function managedFileSystem(fs: FileSystem, managed: ManagedFiles): FileSystem {
  const fds = new Set<number>();
  const overrides: Partial<FileSystem> = {
    manage(fd, endBytes, reserveBytes) {
      const result = managed.manageFile(fd, endBytes, reserveBytes);
      if (result === 0) fds.add(fd);
      return result;
    },
    close(fd) {
      if (fds.delete(fd)) managed.releaseManaged(fd);
      fs.close(fd);
    },
    read(fd, into, intoOffset, length, position) {
      if (!fds.has(fd)) return fs.read(fd, into, intoOffset, length, position);
      return checked('read', managed.readManaged(fd, into, intoOffset, length, position));
    },
    write(fd, from, fromOffset, length, position) {
      assert(!fds.has(fd), 'a managed file is written by appends only', fd);
      fs.write(fd, from, fromOffset, length, position);
    },
    truncate(fd, length) {
      managed.forgetHistory(fd);
      if (fds.has(fd)) checked('truncate', managed.truncateManaged(fd, length));
      else fs.truncate(fd, length);
    },
    fdatasync(fd) {
      if (fds.has(fd)) checked('sync', managed.syncManaged(fd, Number.MAX_SAFE_INTEGER, true));
      else fs.fdatasync(fd);
    },
  };
  return Object.assign(Object.create(fs) as FileSystem, overrides);
}
