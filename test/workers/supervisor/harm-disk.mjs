// Loaded before everything else in a broker under test (NODE_OPTIONS): as soon as the file named by RINGLOG_TEST_HARM exists, a
// shard that brings a file to the disk comes to harm. With `end` in the file its thread ends when it does so by itself, as in
// closing its logs; with `fail` the portable reactor's syncs fail.

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const trigger = process.env.RINGLOG_TEST_HARM;
if (!isMainThread && trigger !== undefined) {
  const { fdatasync, fdatasyncSync } = fs;
  const is = (harm) => fs.existsSync(trigger) && fs.readFileSync(trigger, 'utf8') === harm;
  fs.fdatasyncSync = (fd) => (is('end') ? process.exit(3) : fdatasyncSync(fd));
  fs.fdatasync = (fd, done) => {
    if (!is('fail')) fdatasync(fd, done);
    else setImmediate(done, Object.assign(new Error('EIO'), { code: 'EIO', errno: -5 }));
  };
  syncBuiltinESMExports();
}
