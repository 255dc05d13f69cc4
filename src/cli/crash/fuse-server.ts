// A FUSE file system of two files, spoken over /dev/fuse without a library: `disk`, the image of a VolatileDisk for a loop
// device, and `control`, which cuts the power and restores it. Owner: the process that serves it (fuse-disk-main.ts).
//
// The image is opened with FOPEN_DIRECT_IO, so that the kernel caches none of it: each write of the loop device arrives
// as FUSE_WRITE and each flush as FUSE_FSYNC. One request at a time, synchronously; the process has nothing else to do.

import { readSync, writeSync } from 'node:fs';
import { randomFrom } from './random-from.ts';
import type { VolatileDisk } from './volatile-disk.ts';

const Op = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  INTERRUPT: 36,
  BATCH_FORGET: 42,
} as const;

const Errno = { EPERM: 1, ENOENT: 2, EIO: 5, EINVAL: 22, ENOSYS: 38 } as const;

const ROOT = 1;
const DISK = 2;
const CONTROL = 3;
const NAMES: Readonly<Record<string, number>> = { disk: DISK, control: CONTROL };

const IN_HEADER_BYTES = 40;
const OUT_HEADER_BYTES = 16;
const ATTR_BYTES = 88;
const WRITE_MAX_BYTES = 256 * 1024;
const MINOR = 31;
const INIT_BIG_WRITES = 1 << 5;
const INIT_MAX_PAGES = 1 << 22;
const OPEN_DIRECT_IO = 1;
const DIRECTORY_MODE = 0o040700;
const FILE_MODE = 0o100600;
const CONTROL_BYTES = 4096;
const COUNTS_BYTES = 256;

/** What is written to `control`, as JSON. */
export type DiskOrder =
  | { readonly do: 'cut'; readonly seed: number; readonly keep: number }
  | { readonly do: 'arm'; readonly blocks: number; readonly seed: number; readonly keep: number }
  | { readonly do: 'restore' };

export class FuseServer {
  private readonly fd: number;
  private readonly disk: VolatileDisk;
  private readonly sizeBytes: number;
  private readonly request = Buffer.alloc(WRITE_MAX_BYTES + 4096);
  private readonly reply = Buffer.alloc(OUT_HEADER_BYTES + WRITE_MAX_BYTES);

  /** @param fd of /dev/fuse, mounted by whoever started this process */
  constructor(fd: number, disk: VolatileDisk, sizeBytes: number) {
    this.fd = fd;
    this.disk = disk;
    this.sizeBytes = sizeBytes;
  }

  /** Returns when the file system is unmounted. @throws when it is not mounted within `mountLimitMs` */
  serve(mountLimitMs: number): void {
    const deadline = Date.now() + mountLimitMs;
    const idle = new Int32Array(new SharedArrayBuffer(4));
    for (;;) {
      try {
        const length = readSync(this.fd, this.request, 0, this.request.length, null);
        this.handle(this.request.subarray(0, length));
      } catch (error) {
        const { code } = error as { code?: string };
        if (code === 'ENODEV') return;
        // EPERM: not mounted yet. ENOENT: the request was taken back while we read it.
        if (code === 'EPERM' && Date.now() < deadline) Atomics.wait(idle, 0, 0, 5);
        else if (code !== 'ENOENT' && code !== 'EINTR') throw error;
      }
    }
  }

  private handle(request: Buffer): void {
    const opcode = request.readUInt32LE(4);
    if (opcode === Op.FORGET || opcode === Op.BATCH_FORGET || opcode === Op.INTERRUPT) return;
    const node = Number(request.readBigUInt64LE(16));
    const body = request.subarray(IN_HEADER_BYTES);
    const out = this.reply.subarray(OUT_HEADER_BYTES);
    const answered = this.answer(opcode, node, body, out);
    const length = OUT_HEADER_BYTES + Math.max(0, answered);
    this.reply.writeUInt32LE(length, 0);
    this.reply.writeInt32LE(Math.min(0, answered), 4);
    request.copy(this.reply, 8, 8, 16);
    writeSync(this.fd, this.reply, 0, length);
  }

  /** @returns bytes put into `out`, or a negative errno */
  private answer(opcode: number, node: number, body: Buffer, out: Buffer): number {
    switch (opcode) {
      case Op.INIT:
        return init(body, out);
      case Op.LOOKUP:
        return this.lookup(body, out);
      case Op.GETATTR:
      case Op.SETATTR:
        out.fill(0, 0, 16);
        return 16 + this.attributes(node, out.subarray(16));
      case Op.OPEN:
        out.fill(0, 0, 16);
        out.writeUInt32LE(OPEN_DIRECT_IO, 8);
        return 16;
      case Op.READ:
        return this.read(node, Number(body.readBigUInt64LE(8)), body.readUInt32LE(16), out);
      case Op.WRITE:
        return this.write(node, Number(body.readBigUInt64LE(8)), body.subarray(40, 40 + body.readUInt32LE(16)), out);
      case Op.FSYNC:
        if (this.disk.off) return -Errno.EIO;
        if (node === DISK) this.disk.flush();
        return 0;
      case Op.OPENDIR:
        out.fill(0, 0, 16);
        return 16;
      case Op.STATFS:
        out.fill(0, 0, 80);
        return 80;
      case Op.FLUSH:
      case Op.RELEASE:
      case Op.RELEASEDIR:
      case Op.READDIR:
        return 0;
      default:
        return -Errno.ENOSYS;
    }
  }

  private lookup(name: Buffer, out: Buffer): number {
    const node = NAMES[name.toString('utf8', 0, name.indexOf(0))];
    if (node === undefined) return -Errno.ENOENT;
    out.fill(0, 0, 40);
    out.writeBigUInt64LE(BigInt(node), 0);
    return 40 + this.attributes(node, out.subarray(40));
  }

  private attributes(node: number, out: Buffer): number {
    const size = node === DISK ? this.sizeBytes : node === CONTROL ? CONTROL_BYTES : 0;
    out.fill(0, 0, ATTR_BYTES);
    out.writeBigUInt64LE(BigInt(node), 0);
    out.writeBigUInt64LE(BigInt(size), 8);
    out.writeUInt32LE(node === ROOT ? DIRECTORY_MODE : FILE_MODE, 60);
    out.writeUInt32LE(1, 64);
    out.writeUInt32LE(4096, 80);
    return ATTR_BYTES;
  }

  private read(node: number, position: number, length: number, out: Buffer): number {
    if (node === CONTROL) {
      // Of one length whatever it says: a reader asks until nothing is left, and it may say something else by then.
      const text = Buffer.from(JSON.stringify(this.disk.counts).padEnd(COUNTS_BYTES));
      return text.copy(out, 0, position, Math.min(text.length, position + length));
    }
    if (this.disk.off) return -Errno.EIO;
    const bytes = Math.max(0, Math.min(length, this.sizeBytes - position));
    this.disk.read(position, out.subarray(0, bytes));
    return bytes;
  }

  private write(node: number, position: number, bytes: Buffer, out: Buffer): number {
    if (node === CONTROL) {
      if (!this.obey(bytes.toString())) return -Errno.EINVAL;
    } else {
      if (this.disk.off) return -Errno.EIO;
      this.disk.write(position, bytes);
    }
    out.writeUInt32LE(bytes.length, 0);
    out.writeUInt32LE(0, 4);
    return 8;
  }

  private obey(text: string): boolean {
    let order: DiskOrder;
    try {
      order = JSON.parse(text) as DiskOrder;
    } catch {
      return false;
    }
    if (order.do === 'cut') this.disk.cut(randomFrom(order.seed), order.keep);
    else if (order.do === 'arm') this.disk.armed = { blocks: order.blocks, random: randomFrom(order.seed), keep: order.keep };
    else if (order.do === 'restore') this.disk.restore();
    else return false;
    return true;
  }
}

/** fuse_init_out of protocol 7.31: everything the kernel offers is declined but larger writes. */
function init(body: Buffer, out: Buffer): number {
  out.fill(0, 0, 64);
  out.writeUInt32LE(7, 0);
  out.writeUInt32LE(MINOR, 4);
  out.writeUInt32LE(body.readUInt32LE(8), 8);
  out.writeUInt32LE(INIT_BIG_WRITES | INIT_MAX_PAGES, 12);
  out.writeUInt16LE(16, 16);
  out.writeUInt16LE(12, 18);
  out.writeUInt32LE(WRITE_MAX_BYTES, 20);
  out.writeUInt32LE(1, 24);
  out.writeUInt16LE(WRITE_MAX_BYTES / 4096, 28);
  return 64;
}
