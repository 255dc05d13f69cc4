// The cores this process may run on. Owner: pure.

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Core numbers, ascending: the affinity mask where the kernel tells it (taskset, cpusets), else 0 … n-1. */
export function usableCores(): number[] {
  try {
    const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    if (list !== undefined) return parseCoreList(list);
  } catch {
    // No /proc: not Linux.
  }
  return Array.from({ length: availableParallelism() }, (_, core) => core);
}

/** `0-3,6` as the kernel prints it. */
function parseCoreList(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [from, to] = part.split('-').map(Number);
    return Array.from({ length: (to ?? from!) - from! + 1 }, (_, i) => from! + i);
  });
}
