// The machine a run was on. Owner: any thread. Not hot.

import { readFileSync, realpathSync, statSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { basename } from 'node:path';
import type { Environment } from '../contracts/run-result.ts';

/** @param dir where data lies, whose file system and disk are meant */
export function readEnvironment(dir: string, harnessVersion: string): Environment {
  const mount = mountOf(dir);
  const cpu = cpus();
  return {
    kernel: `${type()} ${release()}`,
    cpuModel: cpu[0]?.model ?? 'unknown',
    cpuCount: cpu.length,
    memoryBytes: totalmem(),
    nodeVersion: process.version,
    fileSystem: mount === null ? null : `${mount.type} (${mount.options})`,
    disk: diskOf(dir, mount?.source ?? null),
    virtualisation: /^flags\s*:.*\bhypervisor\b/m.test(textOf('/proc/cpuinfo'))
      ? 'a virtual machine: its disk and clock are shared with others'
      : null,
    harnessVersion,
  };
}

/** The longest mount point above `dir`. */
function mountOf(dir: string): { type: string; options: string; source: string } | null {
  const path = realpathSync(dir);
  let best: { point: string; type: string; options: string; source: string } | null = null;
  for (const line of textOf('/proc/self/mounts').split('\n')) {
    const [source, point, fsType, options] = line.split(' ');
    if (source === undefined || point === undefined || fsType === undefined || options === undefined) continue;
    const above = point === '/' || path === point || path.startsWith(`${point}/`);
    if (above && (best === null || point.length >= best.point.length)) best = { point, type: fsType, options, source };
  }
  return best;
}

function diskOf(dir: string, source: string | null): string | null {
  const { dev } = statSync(dir);
  const device = `/sys/dev/block/${Math.floor(dev / 256)}:${dev % 256}`;
  try {
    const name = basename(realpathSync(device));
    const queue = (file: string): string => (textOf(`${device}/queue/${file}`) || textOf(`${device}/../queue/${file}`)).trim();
    const virtual = name.startsWith('vd') || name.startsWith('xvd') ? ', virtual' : '';
    return `${name}${virtual}, ${queue('rotational') === '1' ? 'rotating' : 'not rotating'}, write cache: ${queue('write_cache') || 'unknown'}`;
  } catch {
    return source;
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
