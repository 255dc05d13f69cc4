// Puts memory into a known regime before a run, and says in words which one. Owner: the thread that runs. Not hot.
//
// A virtual machine gives free memory back to its host, and the next touch of such a page costs forty times that of a page
// the host has backed: a broker that appends to the page cache would be measured with its host's memory. So as much memory as
// the run will write is touched and freed first, by a process of its own, because only its end gives all of it back.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

const GIB = 2 ** 30;
/** More is no more use: runs should stay below the kernel's limit of dirty pages. */
const MOST_BYTES = 6 * GIB;
const LEAST_BYTES = GIB / 4;
/** Left alone: this is to warm pages, not to push the page cache or another process out. */
const SPARED_BYTES = GIB / 2;
const PROBE_BYTES = GIB / 32;
/** First touch of a page the host has backed takes a quarter of a microsecond, of one it has not about eleven. */
const BACKED_NS = 1500;
const LIMIT_MS = 180_000;

export const AS_FOUND = 'as found: memory was not prepared before the run';

const toucher = `
const touch = (bytes) => {
  const held = [];
  let pages = 0;
  // CPU time: waiting for a core that others use is not the page's.
  const from = process.cpuUsage();
  for (let left = bytes; left > 0; left -= ${GIB}) {
    const part = new Uint8Array(Math.min(${GIB}, left));
    for (let at = 0; at < part.length; at += 4096, pages++) part[at] = 1;
    held.push(part);
  }
  const { user, system } = process.cpuUsage(from);
  return (1000 * (user + system)) / pages;
};
process.stdout.write(String(touch(Number(process.argv[1]))));`;

/** @param bytes what the run is going to write; null: as much as it can */
export async function conditionMemory(bytes: number | null): Promise<string> {
  const wanted = Math.min(MOST_BYTES, Math.max(LEAST_BYTES, bytes ?? MOST_BYTES));
  const touched = Math.min(wanted, freeBytes() - SPARED_BYTES);
  if (touched < LEAST_BYTES) return `as found: ${(freeBytes() / GIB).toFixed(1)} GiB were free, too little to prepare`;
  try {
    const foundNs = await touchBytes(touched);
    const leftNs = await touchBytes(PROBE_BYTES);
    const regime = leftNs < BACKED_NS ? 'pages the host has backed' : 'pages the host has NOT backed, in spite of it';
    const short = touched < wanted ? `, of ${(wanted / GIB).toFixed(1)} wanted` : '';
    return `conditioned: ${(touched / GIB).toFixed(1)} GiB${short} touched and freed before the run (${Math.round(foundNs)} ns of CPU a page, then ${Math.round(leftNs)}): ${regime}`;
  } catch (error) {
    return `as found: memory could not be prepared (${(error as Error).message.split('\n')[0]})`;
  }
}

async function touchBytes(bytes: number): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', toucher, String(bytes)], { timeout: LIMIT_MS });
  return Number(stdout);
}

function freeBytes(): number {
  return 1024 * Number(/^MemFree:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0);
}
