// How much of a broker's data is in the page cache, looked at by a process of its own (omb-harness/native/cache_meter.cc).
// Owner: the thread that started it. Not hot: two lines a second.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { CachedBytes } from '../contracts/driver.ts';
import { cacheMeter, type NativeProgram } from './native-worker.ts';

export class CachedLog {
  /** As of the last look, half a second ago at most where the folder is small; null: nobody can look. */
  now: CachedBytes | null = null;
  private readonly child: ChildProcessByStdio<Writable, Readable, null> | null;

  constructor(dataDir: string, program: NativeProgram = cacheMeter(() => undefined)) {
    this.child = program.ok ? spawn(program.program, [dataDir], { stdio: ['pipe', 'pipe', 'ignore'] }) : null;
    if (this.child === null) return;
    const gone = (): void => void (this.now = null);
    this.child.once('error', gone).once('close', gone);
    this.child.stdin.on('error', () => undefined);
    createInterface({ input: this.child.stdout }).on('line', (line) => (this.now = JSON.parse(line) as CachedBytes));
  }

  /** It ends with its input, as it does with this process. */
  stop(): void {
    this.child?.stdin.end();
  }
}
