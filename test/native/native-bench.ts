// A native reactor under test with real sockets and files, and helpers only native tests need.

import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { loadNativeBinding, type NativeReactorCounters } from '../../src/engine/io/native-binding.ts';
import { createNativeReactor, nativeCounters } from '../../src/net/reactor/native-reactor.ts';
import type { ReactorOptions } from '../../src/net/reactor/reactor.ts';
import { TEST_OPTIONS } from '../net/reactor/reactor-bench.ts';
import { SocketBench } from '../net/reactor/socket-bench.ts';

/** Tests are skipped without the addon: the portable path is then what runs. */
export const nativeAbsent = loadNativeBinding().binding === null;

export const ADDON_PATH = fileURLToPath(new URL('../../build/Release/ringlog.node', import.meta.url));

export async function openNativeBench(options: Partial<ReactorOptions> = {}): Promise<SocketBench> {
  const bench = new SocketBench(createNativeReactor({ ...TEST_OPTIONS, ...options }));
  await bench.begin();
  return bench;
}

export function countersOf(bench: SocketBench): NativeReactorCounters {
  return nativeCounters(bench.reactor)!;
}

/** Drop a file's pages from the page cache: dd with nocache gives POSIX_FADV_DONTNEED, which only drops clean pages. */
export function dropCache(path: string): void {
  execFileSync('dd', [`of=${path}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'], { stdio: 'ignore' });
}

export function addon(): Record<string, (...values: unknown[]) => unknown> {
  return createRequire(import.meta.url)(ADDON_PATH) as Record<string, (...values: unknown[]) => unknown>;
}

export function addonHasRing(): boolean {
  return loadNativeBinding()
    .binding!.probe(tmpdir())
    .some((finding) => finding.facility === 'io_uring' && finding.available);
}
