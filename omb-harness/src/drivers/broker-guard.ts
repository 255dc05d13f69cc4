// Ends a broker that was started for a run, and removes its data, when the harness is killed and can do neither itself. Owner: the
// thread that started the broker. Not hot: a shell that waits for its input to end.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';

/** A line means that all is well; an end without one that nobody is left. A pid may be another's by then: it must name the folder. */
const SCRIPT = 'read -r _ || { grep -qF -- "$1" "/proc/$0/cmdline" && kill -9 "$0"; sleep 1; rm -rf -- "$1"; }';

export class BrokerGuard {
  private readonly shell: ChildProcessByStdio<Writable, null, null>;

  constructor(pid: number, dataDir: string) {
    // A group of its own: what is typed at the terminal is for the harness.
    this.shell = spawn('sh', ['-c', SCRIPT, String(pid), dataDir], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    // Without a shell there is no guard, and nothing else is lost.
    this.shell.on('error', () => undefined);
    this.shell.stdin.on('error', () => undefined);
    this.shell.unref();
  }

  /** The broker has been stopped. */
  release(): void {
    this.shell.stdin.end('\n');
  }
}
