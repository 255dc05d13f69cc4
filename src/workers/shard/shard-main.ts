// The entry of a shard's worker thread: pins it to its core and opens the shard. Owner: the shard's thread. Not hot.
//
// An exception anywhere here ends the worker, and with it the process: the supervisor logs the cause and exits. A shard
// is never restarted inside a process, because what it owned in memory is gone.

import { parentPort, workerData } from 'node:worker_threads';
import { loadNativeBinding } from '../../engine/io/native-binding.ts';
import { hostShard, type ShardSeed } from './hosted-shard.ts';

const shortestSliceUs = 100;

// Nothing is posted here; listening keeps the thread's loop alive while neither a socket nor a timer does.
parentPort!.on('message', () => undefined);
const seed = workerData as ShardSeed;
const { binding } = loadNativeBinding();
if (seed.core >= 0) binding?.pinThread(seed.core);
// V8's own threads compile and mark beside the shards, and where there is no core to spare a slice of theirs, milliseconds, is what
// a request waits for. A shard works in short ticks: with the shortest slice it goes first when it wakes up, at the same share.
binding?.setTimeSlice(shortestSliceUs);
await hostShard(seed, true);
