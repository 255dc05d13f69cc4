// In which order a clean stop lets go of the shards.

import { describe, expect, test } from 'vitest';
import { RunningBroker, type RunningBrokerParts } from '../../../src/workers/supervisor/running-broker.ts';
import type { CheckpointReport } from '../../../src/workers/shard/control-kind.ts';
import type { ShardHandle } from '../../../src/workers/supervisor/shard-handle.ts';

/** A broker of shards that close when they are told how it went, and what was done to it. */
function openFakes(count: number) {
  const did: string[] = [];
  const outcomes: { resolve: (last: CheckpointReport) => void; reject: (error: Error) => void }[] = [];
  const shards = Array.from({ length: count }, (_, shard): Partial<ShardHandle> => ({
    close: () => new Promise((resolve, reject) => (outcomes[shard] = { resolve, reject })),
    end: async () => void did.push(`end ${shard}`),
  }));
  const note = (what: string) => (): undefined => void did.push(what);
  const directories = { writeCheckpoints: note('checkpoints'), writeCleanMarkers: note('markers'), unlock: note('unlock') };
  const store = { close: async () => note('store')() };
  const background = { close: async () => note('background')() };
  const caller = { close: async () => undefined };
  const parts = { shards, background, caller, directories, store, closeMesh: note('mesh'), checkpointIntervalMs: 1_000_000 };
  const broker = new RunningBroker(parts as unknown as RunningBrokerParts);
  return { broker, did, outcomes };
}

const LAST: CheckpointReport = {
  notes: [],
  recoveryPoints: {},
  logStartOffsets: {},
  highWatermarks: {},
  firstDirtyOffsets: {},
  failedDirectories: [],
};

/** All promise jobs that are ready have run. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('a clean stop', () => {
  test('ends no thread while another shard still closes: it may use its memory', async () => {
    const { broker, did, outcomes } = openFakes(3);
    const stop = broker.stop();
    await settled();
    outcomes[0]!.resolve(LAST);
    outcomes[2]!.resolve(LAST);
    await settled();
    expect(did).toEqual([]);
    outcomes[1]!.resolve(LAST);
    await stop;
    expect(did).toEqual(['background', 'end 0', 'end 1', 'end 2', 'mesh', 'checkpoints', 'store', 'markers', 'unlock']);
  });

  test('lets all shards close before it fails with the error of one, and leaves no word of a clean stop', async () => {
    const { broker, did, outcomes } = openFakes(2);
    let failed: unknown;
    const stop = broker.stop().catch((error: unknown) => (failed = error));
    await settled();
    outcomes[0]!.reject(new Error('the disk is gone'));
    await settled();
    expect(failed).toBeUndefined();
    outcomes[1]!.resolve(LAST);
    await stop;
    expect((failed as Error).message).toBe('the disk is gone');
    expect(did).not.toContain('markers');
  });
});
