// The `ringlog` command as a process of its own, from the compiled sources. Owner: the test's thread.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../workers/compiled.ts';

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs to its end; `input` is its standard input. */
export function ringlog(args: readonly string[], input = ''): Promise<Outcome> {
  const child = spawn(process.execPath, [join(root, 'bin/ringlog.mjs'), ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (piece: Buffer) => (out += piece.toString()));
  child.stderr.on('data', (piece: Buffer) => (err += piece.toString()));
  child.stdin.end(input);
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}
