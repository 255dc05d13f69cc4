// disk-shim.mjs, the rigs' disk that fails or waits below the C library, as tests know it. Owner: the test's thread.

import { execFileSync } from 'node:child_process';
import { loadNativeBinding } from '../../../src/engine/io/native-binding.ts';

export interface DiskShim {
  buildDiskShim(dir: string): string | undefined;
  withFault(library: string, fault: Readonly<Record<string, unknown>>): Readonly<Record<string, string>>;
  withHeldWrites(library: string, options: { dir: string; hold: string; ring: boolean }): Readonly<Record<string, string>>;
}

const SHIM = new URL('../../crash/disk-shim.mjs', import.meta.url).href;

export async function loadDiskShim(): Promise<DiskShim> {
  return (await import(SHIM)) as DiskShim;
}

/** There are managed logs here, and a compiler for the shim. */
export function canFailDisks(): boolean {
  if (loadNativeBinding().binding === null || process.platform !== 'linux') return false;
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
