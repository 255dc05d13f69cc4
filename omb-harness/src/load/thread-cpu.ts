// CPU time of the load's thread: the kernel's figure where there is one, else the whole process's. Owner: any thread. Not hot.

import { readFileSync } from 'node:fs';

const TICK_US = 10_000;

/** User and system time of this process, microseconds. A load in JavaScript is one busy thread of it. */
export function threadCpuUs(): number {
  try {
    // Field 14 and 15, counted behind the name, which may hold blanks.
    const stat = readFileSync('/proc/thread-self/stat', 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_US;
  } catch {
    const { user, system } = process.cpuUsage();
    return user + system;
  }
}
