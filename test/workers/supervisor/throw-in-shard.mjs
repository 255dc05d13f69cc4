// Loaded before everything else in a broker under test (NODE_OPTIONS): in a shard's thread, and only there, an exception
// that nobody catches is thrown as soon as the file named by RINGLOG_TEST_THROW exists.

import { existsSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const trigger = process.env.RINGLOG_TEST_THROW;
if (!isMainThread && trigger !== undefined) {
  const timer = setInterval(() => {
    if (!existsSync(trigger)) return;
    throw new Error('thrown by the test, in the thread of a shard');
  }, 5);
  timer.unref();
}
