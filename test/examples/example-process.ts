// A program of an example that serves until it is told to end, and what it has printed. Owner: the test's thread.

import { type ChildProcess, spawn } from 'node:child_process';
import { eventually } from '../support/broker.ts';
import { ownEnv } from './packed-install.ts';

export class ExampleProcess {
  printed = '';
  private readonly child: ChildProcess;
  private readonly ended: Promise<string>;

  /** @param env beside the test's own */
  constructor(cwd: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.child = spawn(process.execPath, args, { cwd, env: { ...ownEnv(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const take = (chunk: Buffer): void => void (this.printed += chunk.toString());
    this.child.stdout!.on('data', take);
    this.child.stderr!.on('data', take);
    this.ended = new Promise((resolve) => this.child.once('close', (code, signal) => resolve(String(signal ?? code))));
  }

  /** @returns the groups of the first line that fits */
  said(pattern: RegExp): Promise<RegExpExecArray> {
    return eventually(
      () => pattern.exec(this.printed) ?? undefined,
      () => `nothing like ${pattern} in: ${this.printed}`,
    );
  }

  /** @returns the exit code, or what ended it */
  end(signal: NodeJS.Signals): Promise<string> {
    this.child.kill(signal);
    return this.ended;
  }
}
