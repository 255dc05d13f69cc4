// `ringlog serve` as a process of its own, from the compiled sources. Owner: the test's thread.

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { DEADLINE_MS, eventually } from '../../support/broker.ts';
import { root } from '../compiled.ts';

export class ServeProcess {
  readonly child: ChildProcess;
  out = '';
  err = '';
  /** Exit code, or null with the signal's end; undefined while it runs. */
  code: number | null | undefined = undefined;

  constructor(configs: Readonly<Record<string, string>>, nodeOptions = '', env: Readonly<Record<string, string>> = {}) {
    const sets = Object.entries(configs).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    this.child = spawn(process.execPath, [join(root, 'bin/ringlog.mjs'), 'serve', ...sets], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env, NODE_OPTIONS: nodeOptions },
    });
    this.child.stdout!.on('data', (piece: Buffer) => (this.out += piece.toString()));
    this.child.stderr!.on('data', (piece: Buffer) => (this.err += piece.toString()));
    this.child.on('close', (code) => (this.code = code));
  }

  /** The port of its first listener, once it says that it listens. */
  async port(): Promise<number> {
    return eventually(
      () => {
        if (this.code !== undefined) throw new Error(`it ended with ${this.code}: ${this.err}`);
        const match = /listening\s+127\.0\.0\.1:(\d+)/.exec(this.out);
        return match === null ? undefined : Number(match[1]);
      },
      () => `no banner: ${this.out} ${this.err}`,
    );
  }

  async ended(): Promise<number | null> {
    return eventually(
      () => this.code,
      () => `still running after ${DEADLINE_MS} ms: ${this.err}`,
    );
  }
}
