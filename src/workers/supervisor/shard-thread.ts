// Where a shard runs: on a thread of its own, or on the supervisor's (`ringlog.shards=0`). Owner: the supervisor's
// thread. Not hot.

import { Worker } from 'node:worker_threads';
import { packageFile } from '../../engine/base/package-file.ts';
import { threadFlags } from '../../engine/base/thread-flags.ts';
import type { MeshEndpoint } from '../ring/mesh-endpoint.ts';
import { hostShard, type ShardSeed } from '../shard/hosted-shard.ts';
import type { ShardEnvironment } from '../shard/shard-environment.ts';

const ENTRY = packageFile('dist/bundle/shard-main.js');

export interface ShardThread {
  /** What the shard held is gone. */
  end(): Promise<void>;
}

/** `onDeath` is called once when the thread ends without having been told to. */
export function startShardThread(seed: ShardSeed, onDeath: (cause: Error) => void): ShardThread {
  const flags = threadFlags(process.execArgv);
  const worker = new Worker(ENTRY, { workerData: seed, name: `shard-${seed.identity.shard}`, ...(flags && { execArgv: flags }) });
  let ended = false;
  const died = (cause: Error): void => {
    if (ended) return;
    ended = true;
    onDeath(cause);
  };
  worker.on('error', died);
  worker.on('exit', (code) => died(new Error(`shard ${seed.identity.shard} ended with code ${code}`)));
  return {
    end: async () => {
      ended = true;
      await worker.terminate();
    },
  };
}

/** `host`: this thread's own end of the rings. */
export function hostShardHere(
  seed: ShardSeed,
  environment: ShardEnvironment | null,
  host: MeshEndpoint,
  onDeath: (cause: Error) => void,
): ShardThread {
  const join = async (): Promise<MeshEndpoint> => {
    const endpoint = await hostShard(seed, false, environment);
    endpoint.joinHere(host);
    return endpoint;
  };
  let opened: Promise<MeshEndpoint> | null = join();
  opened.catch(onDeath);
  return {
    end: async () => {
      const endpoint = await opened?.catch(() => null);
      endpoint?.close('the shard has ended');
      // Who keeps a closed log keeps no arena with it.
      opened = null;
    },
  };
}
