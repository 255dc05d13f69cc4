// Read-ahead of history in the page-cache mode, with real sockets and a real disk: whoever goes on where they ended finds the
// next bytes read, whoever jumps costs the disk nothing, and no byte comes from a file that is another one by now.

import {
  closeSync,
  constants,
  fdatasyncSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { managedFileSystem } from '../../src/engine/io/managed-file-system.ts';
import { nodeFileSystem } from '../../src/engine/io/node-file-system.ts';
import { Cq } from '../../src/engine/io/tick-layout.ts';
import { MIB } from '../net/reactor/reactor-bench.ts';
import type { SocketBench } from '../net/reactor/socket-bench.ts';
import { countersOf, dropCache, nativeAbsent, openNativeBench } from './native-bench.ts';

const STEP_BYTES = 200_000;
const READERS = 40;

function pattern(length: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i + 4 <= length; i += 4) bytes.writeUInt32LE(Math.imul(i + seed, 2654435761) >>> 0, i);
  for (let i = length & ~3; i < length; i++) bytes[i] = i;
  return bytes;
}

function linkOf(descriptor: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return '';
  }
}

/** The reactor's own descriptor of the file, by O_DIRECT; -1 when it has none. */
function directDescriptor(path: string): number {
  const flagsOf = (descriptor: number): number =>
    parseInt(/flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))![1]!, 8);
  const all = readdirSync('/proc/self/fd').map(Number);
  return all.find((each) => linkOf(each) === path && (flagsOf(each) & constants.O_DIRECT) !== 0) ?? -1;
}

/** The number is what `open` gives from now on. */
function replaceDescriptor(descriptor: number, open: () => number): void {
  closeSync(descriptor);
  const lower: number[] = [];
  for (let got = open(); got !== descriptor; got = open()) {
    expect(got).toBeLessThan(descriptor);
    lower.push(got);
  }
  for (const each of lower) closeSync(each);
}

describe.skipIf(nativeAbsent).each([true, false])('history read ahead, io_uring %s', (ioUring) => {
  let bench: SocketBench;
  let directory: string;
  let path: string;
  let fd: number;
  let content: Buffer;
  let tickets = 0;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'ringlog-ahead-'));
    path = join(directory, 'segment');
    fd = openSync(path, 'w+');
  });

  afterEach(async () => {
    await bench.end();
    closeSync(fd);
    rmSync(directory, { recursive: true });
  });

  function put(bytes: Buffer, position: number): void {
    writeSync(fd, bytes, 0, bytes.length, position);
    fdatasyncSync(fd);
    dropCache(path);
  }

  async function open(bytes: number, arenaBytes = 64 * MIB): Promise<void> {
    bench = await openNativeBench({ ioUring, arenaBytes });
    content = pattern(bytes, 1);
    put(content, 0);
  }

  async function sent(position: number, length: number, file = fd): Promise<Buffer> {
    const { peer, name } = await bench.connect();
    const ticket = ++tickets;
    await bench.inTick(() => bench.submitter.sendFile(name, file, position, length, ticket));
    const got = await bench.untilReceived(peer, length);
    await bench.until(() => bench.recorder.of(Cq.SENT).some((each) => each.ticket === ticket), 'the lease to end');
    peer.destroy();
    return got;
  }

  async function expectSent(position: number, length: number): Promise<void> {
    expect((await sent(position, length)).equals(content.subarray(position, position + length))).toBe(true);
  }

  /** Reads from the start until a megabyte more than was asked for has been read. @returns where the reader is */
  async function readSome(): Promise<number> {
    const { aheadHits } = countersOf(bench);
    let at = 0;
    for (; at < MIB; at += STEP_BYTES) await expectSent(at, STEP_BYTES);
    expect(countersOf(bench).aheadHits).toBeGreaterThan(aheadHits);
    return at;
  }

  test('requests that follow each other wait for the disk at the start only, and leave nothing in the page cache', async () => {
    await open(5 * MIB + 12_345);
    let at = 0;
    for (; at + STEP_BYTES < content.length; at += STEP_BYTES) await expectSent(at, STEP_BYTES);
    await expectSent(at, content.length - at);
    const { aheadHits, aheadReads, coldReads } = countersOf(bench);
    expect(aheadHits).toBeGreaterThan(18);
    expect(coldReads).toBeLessThan(8);
    // Each byte once, about.
    expect(aheadReads).toBeLessThan(9);
    expect(bench.reactor.residentBytes(fd, 0, content.length)).toBeLessThan(MIB);
    await vi.waitFor(() => expect(countersOf(bench).takenBytes).toBe(0), { timeout: 30_000 });
  });

  test('readers at different places of one file each go on where they ended', async () => {
    await open(12 * MIB);
    for (let at = 0; at < 2 * MIB; at += STEP_BYTES) for (const from of [0, 4 * MIB, 8 * MIB]) await expectSent(from + at, STEP_BYTES);
    const { aheadHits, coldReads } = countersOf(bench);
    expect(aheadHits).toBeGreaterThan(20);
    expect(coldReads).toBeLessThan(15);
  });

  test('nothing is read ahead of a reader that jumps', async () => {
    await open(8 * MIB);
    for (let i = 0; i < 20; i++) await expectSent((i * 3_333_333) % (7 * MIB), 50_000);
    expect(countersOf(bench)).toMatchObject({ aheadReads: 0, aheadHits: 0 });
    await vi.waitFor(() => expect(countersOf(bench).takenBytes).toBe(0), { timeout: 30_000 });
  });

  test('a header is found where it was read ahead, without the disk', async () => {
    await open(4 * MIB);
    const block = bench.reactor.takeBlock(8192);
    // Again where the machine was so slow that what was read ahead had been given back; elsewhere, as a refused look has the
    // kernel read from there on.
    let at = 1_400_001;
    let got = -1;
    for (let tries = 0; tries < 10 && got < 0; tries++) {
      await readSome();
      at -= 40_000;
      got = bench.reactor.readNow(fd, at, block, 8192);
    }
    expect(got).toBe(8192);
    expect(Buffer.from(bench.reactor.arena.subarray(block, block + 8192)).equals(content.subarray(at, at + 8192))).toBe(true);
    bench.reactor.giveBlock(block);
  });

  test('what was read ahead of a file is forgotten when it is cut', async () => {
    await open(6 * MIB);
    const at = await readSome();
    managedFileSystem(nodeFileSystem, bench.reactor.managed!).truncate(fd, at + 1000);
    const other = pattern(4 * MIB, 77);
    put(other, at + 1000);
    content = Buffer.concat([content.subarray(0, at + 1000), other]);
    for (let from = at; from + STEP_BYTES < content.length; from += STEP_BYTES) await expectSent(from, STEP_BYTES);
  });

  test('a descriptor that is another file by now gives that one, the deleted one is let go of', async () => {
    await open(6 * MIB);
    const at = await readSome();
    closeSync(fd);
    rmSync(path);
    const before = fd;
    fd = openSync(path, 'w+');
    expect(fd).toBe(before);
    content = pattern(6 * MIB, 99);
    put(content, 0);
    for (let from = at; from < 4 * MIB; from += STEP_BYTES) await expectSent(from, STEP_BYTES);
    await vi.waitFor(() => expect(countersOf(bench).takenBytes).toBe(0), { timeout: 30_000 });
  });

  /** A page far ahead of a reader is written again before each of its requests. @returns whether it got that as it was last */
  async function readsLastWritten(seed: number): Promise<boolean> {
    const pageAt = 2 * MIB;
    put(content, 0);
    bench.reactor.managed!.forgetHistory(fd);
    for (let at = 0; at <= pageAt; at += STEP_BYTES) {
      pattern(4096, seed + at).copy(content, pageAt);
      writeSync(fd, content, pageAt, 4096, pageAt);
      // Dirty, it would not be looked for where it was read ahead.
      if (at + STEP_BYTES > pageAt) fdatasyncSync(fd);
      if (!(await sent(at, STEP_BYTES)).equals(content.subarray(at, at + STEP_BYTES))) return false;
    }
    return true;
  }

  // Read directly, the kernel would write them to the disk first.
  test('bytes that wait to be written back are not read ahead', async () => {
    await open(4 * MIB);
    let fresh = false;
    // Again where the kernel has written the page back between its write and the request.
    for (let tries = 0; tries < 3 && !fresh; tries++) fresh = await readsLastWritten(tries + 2);
    expect(fresh).toBe(true);
    expect(countersOf(bench).aheadReads).toBeGreaterThan(0);
  });

  /** Reads on from `at` until the disk refuses. @returns where that was */
  async function readUntilRefused(at: number): Promise<number> {
    for (; at + STEP_BYTES < content.length; at += STEP_BYTES) {
      const got = await sent(at, STEP_BYTES).catch((error: Error) => {
        if (!error.message.startsWith('the connection ended')) throw error;
        return null;
      });
      if (got === null) return at;
      expect(got.equals(content.subarray(at, at + STEP_BYTES))).toBe(true);
    }
    return -1;
  }

  /** False where the machine was so slow that what was read ahead had been given back, or the file closed. */
  async function refusesWhatIsRead(): Promise<boolean> {
    const from = await readSome();
    const direct = directDescriptor(path);
    if (direct < 0) return false;
    const { aheadReads } = countersOf(bench);
    // A directory cannot be read.
    replaceDescriptor(direct, () => openSync(directory, 'r'));
    const at = await readUntilRefused(from);
    if (linkOf(direct) !== directory) return false;
    replaceDescriptor(direct, () => openSync(path, constants.O_RDWR | constants.O_DIRECT));
    expect(at).not.toBe(-1);
    // Tried before each of the last requests that found their bytes, which heard nothing of it.
    if (countersOf(bench).aheadReads < aheadReads + 2) return false;
    for (let next = at; next < at + 2 * MIB; next += STEP_BYTES) await expectSent(next, STEP_BYTES);
    return true;
  }

  test('a read ahead that fails is no error, until somebody wants the bytes and the disk refuses them again', async () => {
    await open(8 * MIB);
    let seen = false;
    for (let tries = 0; tries < 10 && !seen; tries++) seen = await refusesWhatIsRead();
    expect(seen).toBe(true);
    await vi.waitFor(() => expect(countersOf(bench).takenBytes).toBe(0), { timeout: 30_000 });
  });

  test('more readers than memory: half of the arena at most, and each gets its bytes', async () => {
    const arenaBytes = 16 * MIB;
    await open(READERS * MIB, arenaBytes);
    const clients: Awaited<ReturnType<typeof bench.connect>>[] = [];
    for (let reader = 0; reader < READERS; reader++) clients.push(await bench.connect());
    let most = 0;
    for (let round = 0; round < 4; round++) {
      const at = round * 50_000;
      await bench.inTick(() => {
        clients.forEach(({ name }, reader) => bench.submitter.sendFile(name, fd, reader * MIB + at, 50_000, ++tickets));
      });
      for (const [reader, { peer }] of clients.entries()) {
        const got = await bench.untilReceived(peer, at + 50_000);
        most = Math.max(most, countersOf(bench).takenBytes);
        expect(got.subarray(at).equals(content.subarray(reader * MIB + at, reader * MIB + at + 50_000))).toBe(true);
      }
    }
    expect(countersOf(bench).aheadHits).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(arenaBytes / 2 + MIB + READERS * 64 * 1024);
  });
});
