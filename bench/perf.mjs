// What a process makes the kernel do, by `perf`: events counted between two points in time, and where its CPU goes. Not hot.
//
// perf says when it counts (its control pipe acknowledges), so that nothing is guessed about when it has attached.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGINT');
});

/** Why there is nothing to be had from perf here; undefined when there is. */
export function perfProblem() {
  try {
    execFileSync('perf', ['stat', '-e', 'raw_syscalls:sys_enter', '-x', ',', 'true'], { stdio: ['ignore', 'ignore', 'pipe'] });
    return undefined;
  } catch (error) {
    if (error.code === 'ENOENT') return 'perf is not installed';
    return `perf cannot count system calls here (root, and tracefs mounted?): ${String(error.stderr).trim().split('\n')[0]}`;
  }
}

async function withControl(command, pid, args, work) {
  const dir = mkdtempSync(join(tmpdir(), 'ringlog-perf-'));
  const [control, ack, out] = ['control', 'ack', 'out'].map((name) => join(dir, name));
  execFileSync('mkfifo', [control, ack]);
  // Both for reading and writing: a pipe opened so waits for nobody.
  const [say, hear] = [await open(control, 'r+'), await open(ack, 'r+')];
  const perf = spawn('perf', [command, '-D', '-1', '--control', `fifo:${control},${ack}`, '-o', out, '-p', String(pid), ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  running.add(perf);
  let complaint = '';
  perf.stderr.on('data', (chunk) => (complaint += chunk));
  const ended = new Promise((resolve) => perf.once('close', resolve));
  const order = async (word) => {
    await say.write(`${word}\n`);
    const died = ended.then(() => Promise.reject(new Error(`perf ${command} ended: ${complaint}`)));
    await Promise.race([hear.read(Buffer.alloc(16)), died]);
  };
  try {
    await order('enable');
    const result = await work();
    await order('disable');
    perf.kill('SIGINT');
    await ended;
    return {
      result,
      out: command === 'stat' ? readFileSync(out, 'utf8') : execFileSync('perf', scriptArgs(out), scriptOptions).toString(),
    };
  } finally {
    perf.kill('SIGINT');
    await ended;
    running.delete(perf);
    // Wakes a read that still waits for a perf that died.
    const waker = await open(ack, 'r+');
    await waker.write('end\n');
    for (const pipe of [waker, say, hear]) await pipe.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

const scriptArgs = (file) => ['script', '-i', file, '-F', 'ip,sym,dso'];
const scriptOptions = { maxBuffer: 1 << 30, stdio: ['ignore', 'pipe', 'ignore'] };

/** Counts of `events` over all threads of a process while `work` runs. @returns { counts by event, result of work } */
export async function countEvents(pid, events, work) {
  const { result, out } = await withControl('stat', pid, ['-x', ',', '-e', events.join(',')], work);
  return { counts: parseStat(out), result };
}

/** Lines of `perf stat -x ,`: value, unit, event, … What was not counted is left out. */
export function parseStat(text) {
  const rows = text.split('\n').map((line) => line.split(','));
  return Object.fromEntries(rows.flatMap(([value, , event]) => (event && /^[\d.]+$/.test(value) ? [[event, Number(value)]] : [])));
}

/** Shares of the CPU of a process by what it was doing while `work` ran. @returns [group, share of all samples] */
export async function profile(pid, work) {
  const { out } = await withControl('record', pid, ['-e', 'cpu-clock', '-F', '1999', '-g'], work);
  return groupStacks(out);
}

/** By the kernel function that a stack passes through, the first that matches; else by whose code its innermost frame is. */
const kernelGroups = [
  ['TCP send', /^(__sys_send|__x64_sys_send|do_sendfile|__do_sys_sendfile|sock_write_iter|tcp_sendmsg|__sock_sendmsg|sock_sendmsg)/],
  ['TCP receive', /^(__sys_recv|__x64_sys_recv|sock_recvmsg|sock_read_iter|tcp_recvmsg|net_rx_action|__napi_poll|process_backlog)/],
  ['wake-up', /^(do_epoll|ep_poll|__x64_sys_epoll|schedule|__schedule|futex_|__x64_sys_futex|do_futex|eventfd_|try_to_wake_up)/],
  ['file write', /^(vfs_write|vfs_writev|do_pwritev|do_iter_write|ext4_file_write|ext4_buffered_write|do_fsync|iomap_file_buffered_write)/],
  ['file read', /^(vfs_read|vfs_readv|do_preadv|ext4_file_read|filemap_read)/],
];

/** `perf script` with stacks: blocks of `address symbol (file)`, innermost first, with an empty line between. */
export function groupStacks(text) {
  const counts = new Map();
  let samples = 0;
  for (const block of text.split('\n\n')) {
    const frames = block.split('\n').flatMap((line) => {
      const match = /^\s*[0-9a-f]+ (.*) \((.*)\)$/.exec(line);
      return match ? [{ symbol: match[1].replace(/\+0x[0-9a-f]+$/, ''), file: match[2] }] : [];
    });
    if (frames.length === 0) continue;
    samples++;
    const group = groupOf(frames);
    counts.set(group, (counts.get(group) ?? 0) + 1);
  }
  return [...counts].map(([group, count]) => [group, count / samples]).toSorted(([, a], [, b]) => b - a);
}

function groupOf(frames) {
  const isKernel = ({ file }) => file.startsWith('[kernel') || file.endsWith('.ko') || file === '[guest.kernel.kallsyms]';
  const kernel = frames.filter(isKernel);
  for (const [group, pattern] of kernelGroups) if (kernel.some(({ symbol }) => pattern.test(symbol))) return group;
  if (isKernel(frames[0]))
    return kernel.some(({ symbol }) => /syscall_64|syscall_exit|syscall_enter|entry_SYSCALL/.test(symbol))
      ? 'system call entry and other'
      : 'kernel, other';
  const { symbol, file } = frames[0];
  // V8's own code lies in memory without a file, its interpreter and built-ins in the executable.
  if (symbol.startsWith('Builtins_') || /anon|\[unknown\]|perf-\d+\.map|JIT/.test(file)) return 'user code, JavaScript or JIT';
  return `user code, native: ${basename(file)}`;
}
