import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'omb-harness/test/**/*.test.ts'],
    exclude: ['test/interop/**', 'test/crash/**'],
    pool: 'forks',
    // A net: waits have deadlines of their own, of 30 s and less, and say more. What only computes takes as long as the
    // machine needs, which on two busy cores was ten times as long as on two idle ones.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    maxWorkers: 2,
  },
});
