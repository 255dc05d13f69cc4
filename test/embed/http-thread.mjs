// A thread of the user's that has a log with a gateway, and is ended by whoever started it.

import { parentPort, workerData } from 'node:worker_threads';
import { open } from '../../dist/bundle/embed.js';

const log = await open({ dir: workerData.dir, shards: 0, topics: { clicks: 1 }, http: { port: 0 } });
parentPort.postMessage(log.httpPort);
