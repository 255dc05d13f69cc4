// OpenFiles: a FileSystem that knows what is open, so that whoever leaves a process that lives on can close the rest: a
// segment that a sync or a send had pinned when its reactor closed. Owner: the shard's thread. Not hot.

import type { CommitFile, FileSystem } from './file-system.ts';

export interface OpenFiles extends FileSystem {
  /** What is still open is closed. Nobody may use it any more. */
  closeAll(): void;
}

export function openFiles(fs: FileSystem): OpenFiles {
  const fds = new Set<number>();
  const overrides: Pick<OpenFiles, 'open' | 'openForCommits' | 'close' | 'closeAll'> = {
    open(path, flags) {
      const fd = fs.open(path, flags);
      fds.add(fd);
      return fd;
    },
    openForCommits(path, direct): CommitFile {
      const file = fs.openForCommits(path, direct);
      fds.add(file.fd);
      return file;
    },
    close(fd) {
      fds.delete(fd);
      fs.close(fd);
    },
    closeAll() {
      for (const fd of fds) fs.close(fd);
      fds.clear();
    },
  };
  return Object.assign(Object.create(fs) as FileSystem, overrides);
}
