// The loop of one thread of the disk probe, as text: it runs in a worker thread of its own, with synchronous calls, so that a
// call's time is the disk's and not an event loop's. Owner: that thread. Hot there.
//
// A thread writes or reads blocks of one size at places of its own: block number = thread + n × threads. Direct calls want
// aligned memory, and JavaScript cannot ask for it: so offsets into a buffer are tried until the kernel takes one.

export interface DiskThreadPlan {
  readonly path: string;
  readonly flags: number;
  readonly read: boolean;
  readonly bytes: number;
  /** fdatasync after each write. */
  readonly sync: boolean;
  readonly thread: number;
  readonly threads: number;
  /** Blocks of the file; a write goes back to the first after the last. */
  readonly blocks: number;
  /** Stop at the end of the file: it is appended to, not written over. */
  readonly once: boolean;
  readonly milliseconds: number;
}

export interface DiskThreadAnswer {
  readonly error: string | null;
  /** Nanoseconds of each call. */
  readonly times: Float64Array;
  readonly startNs: number;
  readonly endNs: number;
}

export const diskThread = `
const { parentPort, workerData: plan } = require('node:worker_threads');
const fs = require('node:fs');
const now = () => Number(process.hrtime.bigint());
const answer = { error: null, times: new Float64Array(0), startNs: 0, endNs: 0 };
try {
  const fd = fs.openSync(plan.path, plan.flags, 0o600);
  const call = plan.read ? fs.readSync : fs.writeSync;
  const memory = new Uint8Array(plan.bytes + 8192).fill(0x5a);
  let block = null;
  for (let at = 0; at <= 4096 && block === null; at += 8) {
    const part = memory.subarray(at, at + plan.bytes);
    try {
      call(fd, part, 0, plan.bytes, plan.thread * plan.bytes);
      block = part;
    } catch (error) {
      if (error.code !== 'EINVAL') throw error;
    }
  }
  if (block === null) throw new Error('O_DIRECT is refused');
  const times = [];
  answer.startNs = now();
  const until = answer.startNs + plan.milliseconds * 1e6;
  for (let n = plan.thread, began = answer.startNs; began < until; n += plan.threads) {
    if (plan.once && n >= plan.blocks) break;
    call(fd, block, 0, plan.bytes, (n % plan.blocks) * plan.bytes);
    if (plan.sync) fs.fdatasyncSync(fd);
    const ended = now();
    times.push(ended - began);
    began = ended;
  }
  if (!plan.read && !plan.sync) fs.fdatasyncSync(fd);
  answer.endNs = now();
  answer.times = Float64Array.from(times);
  fs.closeSync(fd);
} catch (error) {
  answer.error = error.message;
}
parentPort.postMessage(answer);
`;
