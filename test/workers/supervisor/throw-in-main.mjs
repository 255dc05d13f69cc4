// Loaded before everything else in a broker under test (NODE_OPTIONS): in the main thread, and only there, SIGTERM also makes
// what nobody handles: an exception, or with `reject` in RINGLOG_TEST_END a rejection.

import { isMainThread } from 'node:worker_threads';

const how = process.env.RINGLOG_TEST_END;
if (isMainThread && how !== undefined) {
  process.on('SIGTERM', () => {
    const error = new Error('thrown by the test, in the main thread');
    if (how === 'reject') void Promise.reject(error);
    else
      setImmediate(() => {
        throw error;
      });
  });
}
