// The conformance suite on the native reactor; skipped, with the reason, where the addon does not load.

import { describe, test } from 'vitest';
import { loadNativeBinding } from '../../../src/engine/io/native-binding.ts';
import { createNativeReactor } from '../../../src/net/reactor/native-reactor.ts';
import { describeReactor } from './conformance.ts';
import { TEST_OPTIONS } from './reactor-bench.ts';
import { SocketBench } from './socket-bench.ts';

const { binding, reason } = loadNativeBinding();

if (binding === null) {
  console.log(`native reactor: conformance suite skipped: ${reason}`);
  describe('native reactor', () => test.skip(`skipped: ${reason}`, () => undefined));
} else {
  for (const ownsThread of [false, true]) {
    describeReactor({
      name: ownsThread ? 'native, in place of the event loop' : 'native',
      choosesRings: false,
      open: async ({ options }) => new SocketBench(createNativeReactor({ ...TEST_OPTIONS, ownsThread, ...options })),
    });
  }
}
