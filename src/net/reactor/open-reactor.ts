// Chooses a shard's reactor: the native one when the addon loads, else the portable one. Owner: the shard's thread.
// Not hot. Why the choice fell as it did is in the reactor's report.

import { useNativeCrc32c } from '../../engine/base/crc32c.ts';
import { loadNativeBinding } from '../../engine/io/native-binding.ts';
import { walkProduce } from '../kafka/wire/produce-walker.ts';
import { createNativeReactor } from './native-reactor.ts';
import { createPortableReactor, type PortableReactorOptions } from './portable-reactor.ts';
import type { Reactor } from './reactor.ts';

/** `ringlog.reactor`: auto takes the native one where it loads. */
export type ReactorChoice = 'auto' | 'native' | 'portable';

/** @throws when the native reactor is asked for by name and does not load */
export async function openReactor(options: PortableReactorOptions & { readonly choice: ReactorChoice }): Promise<Reactor> {
  if (options.choice === 'portable') return createPortableReactor(options, walkProduce, 'asked for (ringlog.reactor=portable)');
  const { binding, reason } = loadNativeBinding();
  if (binding === null) {
    if (options.choice === 'native') throw new Error(`ringlog.reactor=native: ${reason}`);
    return createPortableReactor(options, walkProduce, reason);
  }
  useNativeCrc32c(binding.crc32c);
  try {
    return createNativeReactor(options);
  } catch (error) {
    // A kernel or a container may refuse what the addon needs to start.
    if (options.choice === 'native') throw error;
    return createPortableReactor(options, walkProduce, `the native reactor did not start: ${(error as Error).message}`);
  }
}
