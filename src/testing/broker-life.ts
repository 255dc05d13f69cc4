// One life of a test broker, from a start to a clean stop or a crash. Owner: the test's thread. Not hot.

import type { BrokerSettings } from '../engine/base/config-broker.ts';
import { useNativeCrc32c } from '../engine/base/crc32c.ts';
import { loadNativeBinding } from '../engine/io/native-binding.ts';
import { cleanLog } from '../engine/log/cleaner/clean-log.ts';
import { walkProduce } from '../net/kafka/wire/produce-walker.ts';
import { PortableFiles } from '../net/reactor/portable-files.ts';
import type { ShardEnvironment } from '../workers/shard/shard-environment.ts';
import type { BrokerLog } from '../workers/supervisor/broker-log.ts';
import type { RunningBroker } from '../workers/supervisor/running-broker.ts';
import { startBroker } from '../workers/supervisor/start-broker.ts';
import type { BrokerClock } from './broker-clock.ts';
import type { BrokerDisk } from './broker-disk.ts';
import { LoopFiles } from './loop-files.ts';
import { MortalFileSystem } from './mortal-file-system.ts';
import { TestReactor, type TestReactorParts } from './test-reactor.ts';

export interface LifeParts {
  readonly settings: BrokerSettings;
  readonly disk: BrokerDisk;
  readonly clock: BrokerClock;
  readonly tap: TestReactorParts['tap'];
  readonly log: BrokerLog;
  /** It cannot go on, without having been told to crash. */
  readonly onDeath: (cause: Error) => void;
}

export interface BrokerLife {
  readonly running: RunningBroker;
  /** As kill -9: sockets close, nothing more is written. */
  crash(): Promise<void>;
}

/** What a caller and a test have in flight is little. */
const CALLER_ARENA_BYTES = 32 * 1024 * 1024;
const NO_THROTTLE = { spend: () => undefined };

/** @throws what startBroker() throws */
export async function beginLife(parts: LifeParts): Promise<BrokerLife> {
  const { disk, clock, settings } = parts;
  const fs = new MortalFileSystem(disk.fs);
  const files = disk.memory === null ? new PortableFiles() : new LoopFiles(fs);
  // The reactor is JavaScript; checksums need not be.
  const native = loadNativeBinding().binding;
  if (native !== null) useNativeCrc32c(native.crc32c);
  let dead = false;
  let reactor: TestReactor | undefined;
  const environment: ShardEnvironment = {
    fs,
    clock,
    openReactor: (options) => (reactor = new TestReactor(options, { clock, files, walkProduce, tap: parts.tap })),
    clean: disk.memory === null ? null : (job, limits) => cleanLog(fs, job, limits, NO_THROTTLE),
  };
  const quiet = (say: BrokerLog['info']): BrokerLog['info'] => {
    return (message, detail) => (dead ? undefined : say(message, detail));
  };
  const { log } = parts;
  const running = await startBroker({
    settings,
    environment,
    log: { info: quiet(log.info), warn: quiet(log.warn), error: quiet(log.error) },
    onDeath: (cause) => (dead ? undefined : parts.onDeath(cause)),
    callerArenaBytes: CALLER_ARENA_BYTES,
  });
  return {
    running,
    crash: async () => {
      dead = true;
      if (files instanceof LoopFiles) files.die();
      // From here on it runs no tick. Work that the thread pool has begun still uses its descriptors.
      await reactor!.close();
      await running.abandon('the broker has crashed');
      fs.die();
    },
  };
}
