// `ringlog doctor`: what this machine offers, what the broker would use, and why. Owner: the main thread.

import { accessSync, constants, statfsSync } from 'node:fs';
import { release } from 'node:os';
import { resolve } from 'node:path';
import { parseBrokerConfig } from '../engine/base/config-broker.ts';
import { loadNativeBinding } from '../engine/io/native-binding.ts';
import { type HttpEngineChoice, httpEngine } from '../net/http/http-engine.ts';
import { openReactor } from '../net/reactor/open-reactor.ts';
import { reactorOptions } from '../workers/shard/reactor-options.ts';
import { usableCores } from '../workers/supervisor/usable-cores.ts';
import { CommandFailed } from './command-failed.ts';
import { commitWords, durabilityWords } from './durability-words.ts';
import { printRows } from './output.ts';

interface Finding {
  readonly what: string;
  readonly found: string;
  readonly meaning: string;
}

/** Magic numbers of statfs(2) that matter for a log. */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x58465342: 'XFS',
  0x01021994: 'tmpfs',
  0x9123683e: 'btrfs',
  0x794c7630: 'overlayfs',
};

export async function doctor(options: { dir: string; json?: boolean }): Promise<void> {
  const findings: Finding[] = [...machine(), ...disk(options.dir), addon(), ...probed(options.dir)];
  const parsed = parseBrokerConfig([]);
  if (!parsed.ok) throw new CommandFailed(parsed.errors.join('; '));
  const { config } = parsed.settings;
  const reactor = await openReactor(reactorOptions(config, 1, false));
  for (const { facility, engine, reason } of reactor.report.rows) findings.push({ what: facility, found: engine, meaning: reason });
  const { name, reason: why } = await httpEngine(config['ringlog.http.engine'] as HttpEngineChoice);
  findings.push({ what: 'http', found: name, meaning: why });
  const commits = commitWords(config, [resolve(options.dir)], reactor.report.kind === 'native');
  for (const { what, meaning } of durabilityWords(config, commits)) findings.push({ what, found: 'by default', meaning });
  await reactor.close();
  printRows(findings as unknown as Record<string, unknown>[], options.json);
}

function machine(): Finding[] {
  const cores = usableCores();
  return [
    { what: 'node', found: process.versions.node, meaning: '20.19 or newer is needed, 22 and 24 are advised' },
    {
      what: 'kernel',
      found: `${process.platform} ${release()}`,
      meaning: process.platform === 'linux' ? 'the native path is for this system' : 'portable path only',
    },
    { what: 'cores', found: cores.join(', '), meaning: `ringlog.shards=auto starts ${cores.length} shard${cores.length === 1 ? '' : 's'}` },
  ];
}

function disk(dir: string): Finding[] {
  const path = resolve(dir);
  try {
    accessSync(path, constants.W_OK);
    const { type, bavail, bsize } = statfsSync(path);
    return [
      {
        what: 'disk',
        found: FILE_SYSTEMS[type] ?? `type 0x${type.toString(16)}`,
        meaning: `${path}: ${((bavail * bsize) / 1e9).toFixed(1)} GB free`,
      },
    ];
  } catch (error) {
    return [{ what: 'disk', found: 'not writable', meaning: (error as Error).message }];
  }
}

function addon(): Finding {
  const { binding, reason } = loadNativeBinding();
  return { what: 'native addon', found: binding === null ? 'absent' : 'loaded', meaning: reason ?? 'full speed' };
}

/** Tried, not looked up: versions say nothing about seccomp filters or file systems. The kernel's row is `machine`'s. */
function probed(dir: string): Finding[] {
  const { binding } = loadNativeBinding();
  if (binding === null) return [];
  return binding
    .probe(resolve(dir))
    .filter(({ facility }) => facility !== 'kernel')
    .map(({ facility, available, reason }) => ({ what: facility, found: available ? 'available' : 'not available', meaning: reason }));
}
