// CPU time of the whole machine and of parts of it, in seconds, from /proc. Not hot.

import { readdirSync, readFileSync } from 'node:fs';

const ticksPerSecond = 100; // USER_HZ, which the kernel promises to user space whatever its own clock is

/** The first line of /proc/stat: time in which any core did anything, time the host stole, and all time. */
export function parseCpuStat(text) {
  const [user, nice, system, idle, iowait, irq, softirq, steal] = text.split('\n')[0].trim().split(/\s+/).slice(1, 9).map(Number);
  const busy = user + nice + system + irq + softirq;
  return { busy: busy / ticksPerSecond, steal: steal / ticksPerSecond, total: (busy + idle + iowait + steal) / ticksPerSecond };
}

export const machineCpu = () => parseCpuStat(readFileSync('/proc/stat', 'utf8'));

/** CPU seconds of the whole machine but for this process. */
export function othersCpu() {
  const { user, system } = process.cpuUsage();
  return machineCpu().busy - (user + system) / 1e6;
}

/** Parent and CPU seconds of a process, and of its children that have ended, from its /proc/PID/stat. Its name may hold blanks and brackets. */
export function parseProcessStat(text) {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const seconds = (from) => (Number(fields[from]) + Number(fields[from + 1])) / ticksPerSecond;
  return { parent: Number(fields[1]), seconds: seconds(11), childSeconds: seconds(13) };
}

/** CPU seconds of all processes that this one started and that have ended. */
export const childrenCpu = () => parseProcessStat(readFileSync('/proc/self/stat', 'utf8')).childSeconds;

export function processCpu(pid) {
  try {
    return parseProcessStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return { parent: 0, seconds: 0 }; // ended while we looked
  }
}

const kthreadd = 2;

/** CPU seconds of each of the kernel's own threads, which write back and reclaim for others. */
function kernelThreads() {
  const found = new Map();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!(pid > 0)) continue;
    const { parent, seconds } = processCpu(pid);
    if (parent === kthreadd) found.set(pid, seconds);
  }
  return found;
}

/** Begins to count the CPU of the kernel's own threads; the function it returns says how much it was. They come and go: of one that ended nothing is known. */
export function countKernelThreads() {
  const before = kernelThreads();
  return () => [...kernelThreads()].reduce((sum, [pid, seconds]) => sum + seconds - (before.get(pid) ?? 0), 0);
}

/** The same of a broker and the kernel's threads together. */
export function countBrokerAndKernel(brokerPid) {
  const before = processCpu(brokerPid).seconds;
  const kernel = countKernelThreads();
  return () => processCpu(brokerPid).seconds - before + kernel();
}
