// Ringlog as its users get it: `npm pack`, installed in an empty folder with what the examples need, the examples beside.
// Without a compiler first; with one on demand. Owner: the test's thread.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { compileSources, root } from '../workers/compiled.ts';

/** A compile on a busy machine takes minutes. */
const NPM_DEADLINE_MS = 280_000;

const EXAMPLES = ['clicks', 'tail', 'testing'] as const;

export class PackedInstall {
  /** Has `node_modules`, and a folder an example. */
  readonly folder = mkdtempSync(join(tmpdir(), 'ringlog-packed-'));
  private readonly npm: readonly string[];

  constructor() {
    compileSources();
    this.npm = npmCommand();
    // One install for all: what each asks for, and the package itself as a file.
    const tarball = this.pack();
    const asked = EXAMPLES.map((name) => manifest(join(root, 'examples', name)));
    const dependencies = { ...Object.assign({}, ...asked), ringlog: `file:${tarball}` } as Record<string, string>;
    writeFileSync(join(this.folder, 'package.json'), JSON.stringify({ private: true, dependencies }));
    // Whoever works on them may have installed and run them where they are.
    const filter = (from: string): boolean => !/\/(node_modules|data|counts)$/.test(from);
    for (const name of EXAMPLES) cpSync(join(root, 'examples', name), join(this.folder, name), { recursive: true, filter });
    this.run(['install', '--no-audit', '--no-fund', '--no-package-lock', '--prefer-offline'], pathWithoutCompiler(this.folder));
  }

  /** As the installation does it where there is a compiler. */
  compile(): void {
    this.run(['rebuild', 'ringlog'], process.env['PATH']!);
  }

  /** A file of the folder, run there. @returns what it printed */
  node(cwd: string, ...args: string[]): { status: number | null; printed: string } {
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: join(this.folder, cwd), encoding: 'utf8', env: ownEnv() });
    return { status, printed: `${stdout}${stderr}` };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10 });
  }

  private pack(): string {
    // The scripts of set-up are not needed again.
    const said = this.run(['pack', '--silent', '--ignore-scripts', '--pack-destination', this.folder, root], process.env['PATH']!);
    return join(this.folder, basename(said.trim()));
  }

  private run(args: readonly string[], path: string): string {
    const env = { ...ownEnv(), PATH: path };
    const { status, stdout, stderr } = spawnSync(this.npm[0]!, [...this.npm.slice(1), ...args], {
      cwd: this.folder,
      encoding: 'utf8',
      env,
      timeout: NPM_DEADLINE_MS,
    });
    if (status !== 0) throw new Error(`npm ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
    return stdout;
  }
}

/** The test runner above, and an npm that runs it, have their own. */
export function ownEnv(): NodeJS.ProcessEnv {
  const foreign = /^(VITEST|NODE_TEST|NODE_OPTIONS|TEST$|INIT_CWD|npm_(package|lifecycle|command|config_local_prefix|config_prefix))/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

function manifest(folder: string): Record<string, string> {
  const read = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, Record<string, string> | undefined>;
  return { ...read['dependencies'], ...read['devDependencies'] };
}

/** npm by its script: a PATH without a compiler need not have it. */
function npmCommand(): readonly string[] {
  const given = process.env['npm_execpath'];
  if (given?.endsWith('npm-cli.js') === true) return [process.execPath, given];
  for (const at of (process.env['PATH'] ?? '').split(':')) {
    try {
      return [process.execPath, realpathSync(join(at, 'npm'))];
    } catch {
      // Not in this folder.
    }
  }
  throw new Error('npm is not on the PATH');
}

/** Node, and a shell for npm to start scripts in. */
function pathWithoutCompiler(folder: string): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, 'node'));
  symlinkSync('/bin/sh', join(bin, 'sh'));
  return bin;
}
