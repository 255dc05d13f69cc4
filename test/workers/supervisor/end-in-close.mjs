// Loaded before everything else in a broker under test (NODE_OPTIONS): as soon as the file named by RINGLOG_TEST_END exists, the
// thread of a shard ends when it brings a file to the disk by itself, which it does when it closes its logs.

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const trigger = process.env.RINGLOG_TEST_END;
if (!isMainThread && trigger !== undefined) {
  const { fdatasyncSync } = fs;
  fs.fdatasyncSync = (fd) => (fs.existsSync(trigger) ? process.exit(3) : fdatasyncSync(fd));
  syncBuiltinESMExports();
}
