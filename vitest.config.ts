import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'omb-harness/test/**/*.test.ts'],
    exclude: ['test/interop/**', 'test/crash/**'],
    pool: 'forks',
    // Nets under tests that wait for their own deadlines, of 30 s and less: what a wait complains of says more than this.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
