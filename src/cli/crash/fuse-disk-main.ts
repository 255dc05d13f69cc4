// The process behind a power-cut disk: serves one image over the /dev/fuse descriptor 3 that its parent mounts, until it
// is unmounted. Started by power-cut-disk.ts. Owner: this process's main thread.
//
//   node fuse-disk-main.js IMAGE

import { fstatSync, openSync } from 'node:fs';
import { FuseServer } from './fuse-server.ts';
import { VolatileDisk } from './volatile-disk.ts';

const FUSE_FD = 3;
const MOUNT_LIMIT_MS = 10_000;

const image = openSync(process.argv[2]!, 'r+');
new FuseServer(FUSE_FD, new VolatileDisk(image), fstatSync(image).size).serve(MOUNT_LIMIT_MS);
