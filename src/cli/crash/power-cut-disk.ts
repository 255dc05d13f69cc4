// A mounted ext4 file system whose power can be cut: a sparse image behind a volatile write cache (fuse-disk-main.ts), a
// loop device on it, ext4 on that. Needs root, /dev/fuse, loop devices, mkfs.ext4 and mount; where one is refused,
// open() says which. Owner: the thread that opened it. Not hot.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageFile } from '../../engine/base/package-file.ts';
import { pause } from './leader-connection.ts';
import type { DiskOrder } from './fuse-server.ts';
import type { DiskCounts } from './volatile-disk.ts';

const COMMAND_LIMIT_MS = 30_000;
const BUSY_PAUSE_MS = 20;
/** Sparse: a hundred rounds fill some hundreds of MiB of it. */
const IMAGE_BYTES = 4 * 1024 * 1024 * 1024;
const BYTES_PER_INODE = 256 * 1024;
/** mkfs is not in every user's path. */
const ENVIRONMENT = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
/**
 * A superblock is two sectors, the sum over them in the second, and ext4 writes it in place: torn between them, which this disk
 * does, its sum is wrong and nothing mounts it. That says nothing of a broker; without sums the two halves go together.
 */
const NO_SUMS = '^metadata_csum';
const NO_LAZY_INIT = 'lazy_itable_init=0,lazy_journal_init=0,nodiscard';

/** Why there is no such disk here, in words. */
export class NoPowerCut extends Error {
  override readonly name = 'NoPowerCut';
}

export class PowerCutDisk {
  /** Where the file system is mounted. */
  readonly root: string;
  private readonly dir: string;
  private server: ChildProcess | null = null;
  private mounted = false;
  /** This process ends without close(): the file systems must not stay. */
  private readonly onExit = (): void => {
    for (const path of [this.root, this.fuse]) spawnSync('umount', ['-l', path], { stdio: 'ignore', env: ENVIRONMENT });
    this.server?.kill('SIGKILL');
    rmSync(this.dir, { recursive: true, force: true });
  };

  private constructor(dir: string) {
    this.dir = dir;
    process.on('exit', this.onExit);
    this.root = join(dir, 'mnt');
  }

  /** @param dir an empty directory of its own @throws NoPowerCut */
  static async open(dir: string): Promise<PowerCutDisk> {
    const reason = refusal();
    if (reason !== null) throw new NoPowerCut(reason);
    const disk = new PowerCutDisk(dir);
    try {
      await disk.create();
      await disk.mount();
      return disk;
    } catch (error) {
      await disk.close();
      throw new NoPowerCut((error as Error).message);
    }
  }

  /** Nothing more reaches the disk, and what was not flushed is lost but for a random part (`keep`: how likely each block survives). */
  cut(seed: number, keep: number): void {
    this.order({ do: 'cut', seed, keep });
  }

  /** The same by itself, as soon as `blocks` are not flushed: counts.isOff says that it did. */
  arm(blocks: number, seed: number, keep: number): void {
    this.order({ do: 'arm', blocks, seed, keep });
  }

  /** Everything written so far is on the disk. */
  async settle(): Promise<void> {
    await command('sync', ['-f', this.root]);
  }

  /** After a cut, with every user of the file system gone: the power is back and the file system replays its journal. */
  async restore(): Promise<void> {
    await this.unmount();
    this.order({ do: 'restore' });
    await this.mount();
  }

  get counts(): DiskCounts {
    return JSON.parse(readFileSync(join(this.fuse, 'control'), 'utf8')) as DiskCounts;
  }

  /** Unmounts and deletes everything; safe to call at any point. */
  async close(): Promise<void> {
    if (this.mounted) await command('umount', [this.root]).catch(() => command('umount', ['-l', this.root]));
    this.mounted = false;
    if (this.server !== null) {
      const { server } = this;
      const ended = server.exitCode === null && server.signalCode === null ? once(server, 'exit') : null;
      await command('umount', [this.fuse]).catch(() => command('umount', ['-l', this.fuse]).catch(() => {}));
      server.kill('SIGKILL');
      await ended;
      this.server = null;
    }
    rmSync(this.dir, { recursive: true, force: true });
    process.off('exit', this.onExit);
  }

  /** Reads and writes that a killed process left in flight hold its files until the kernel has ended them. */
  private async unmount(): Promise<void> {
    for (const deadline = Date.now() + COMMAND_LIMIT_MS; ; await pause(BUSY_PAUSE_MS)) {
      try {
        await command('umount', [this.root]);
        this.mounted = false;
        return;
      } catch (error) {
        if (!(error as Error).message.includes('busy') || Date.now() > deadline) throw error;
      }
    }
  }

  private get fuse(): string {
    return join(this.dir, 'fuse');
  }

  private order(order: DiskOrder): void {
    writeFileSync(join(this.fuse, 'control'), JSON.stringify(order), { flag: 'r+' });
  }

  private async create(): Promise<void> {
    const image = join(this.dir, 'disk.img');
    for (const path of [this.root, this.fuse]) mkdirSync(path, { recursive: true });
    closeSync(openSync(image, 'w', 0o600));
    truncateSync(image, IMAGE_BYTES);
    await command('mkfs.ext4', ['-q', '-F', '-b', '4096', '-i', String(BYTES_PER_INODE), '-O', NO_SUMS, '-E', NO_LAZY_INIT, image]);
    const device = openSync('/dev/fuse', 'r+');
    try {
      const main = fileURLToPath(packageFile('dist/cli/crash/fuse-disk-main.js'));
      this.server = spawn(process.execPath, [main, image], { stdio: ['ignore', 'ignore', 'inherit', device] });
      const options = 'fd=3,rootmode=40000,user_id=0,group_id=0';
      await command('mount', ['-i', '-t', 'fuse', '-o', options, 'ringlog-power-cut', this.fuse], device);
    } finally {
      closeSync(device);
    }
  }

  private async mount(): Promise<void> {
    await command('mount', ['-o', 'loop,noatime', join(this.fuse, 'disk'), this.root]);
    this.mounted = true;
  }
}

function refusal(): string | null {
  if (process.platform !== 'linux') return 'only Linux has the devices for it';
  if (process.geteuid?.() !== 0) return 'mounting needs root';
  for (const device of ['/dev/fuse', '/dev/loop-control']) if (!existsSync(device)) return `there is no ${device}`;
  return null;
}

/** Runs a program to its end; `device` becomes its descriptor 3. @throws with what it said when it fails */
async function command(name: string, args: readonly string[], device?: number): Promise<void> {
  const stdio = ['ignore', 'ignore', 'pipe', ...(device === undefined ? [] : [device])] as const;
  const child = spawn(name, args, { stdio: [...stdio], env: ENVIRONMENT, timeout: COMMAND_LIMIT_MS });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (code !== 0) throw new Error(`${name} ${args.join(' ')}: ${said.trim() || `ended with ${code ?? signal}`}`);
}
