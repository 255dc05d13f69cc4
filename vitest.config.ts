import { configDefaults, defineConfig } from 'vitest/config';

// Rooms that only compute share a process, which saves each file its start and its imports: a third of their CPU time.
// What starts threads or brokers or measures its own process has one to itself.
const computing = [
  'test/bench',
  'test/engine',
  'test/net/kafka/{client,schema,wire}',
  'test/workers/shard',
  'omb-harness/test/{formats,load,report,stats,sweep,validity}',
].map((room) => `${room}/**/*.test.ts`);
const measuring = ['test/engine/log/append-allocation.test.ts'];

export default defineConfig({
  test: {
    pool: 'forks',
    // A net: waits have deadlines of their own, of 30 s and less, and say more. What only computes takes as long as the
    // machine needs, which on two busy cores was ten times as long as on two idle ones.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: 'computing', include: computing, exclude: measuring, isolate: false } },
      {
        extends: true,
        test: {
          name: 'whole',
          include: ['test/**/*.test.ts', 'omb-harness/test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, 'test/interop/**', 'test/crash/**', ...computing],
        },
      },
      { extends: true, test: { name: 'measuring', include: measuring } },
    ],
  },
});
