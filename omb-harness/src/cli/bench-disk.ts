// `ringlog bench disk`: what the disk below a folder can do for a log, on one page. Owner: the main thread. Not hot.

import { Command } from 'commander';
import { join } from 'node:path';
import { DISK_VERSION, type DiskLimits } from '../contracts/disk-limits.ts';
import { bytesNeeded, probeDisk, PROBE_FILE_BYTES } from '../run/disk-probe.ts';
import { readEnvironment } from '../run/environment.ts';
import { diskLines, diskPage, diskTable } from '../sweep/disk-page.ts';
import { textTable } from '../sweep/figure-table.ts';
import { BenchFailed } from './bench-failed.ts';
import { DISK_FILE } from './known-disk.ts';
import { aboveZero } from './option-values.ts';
import { reportAssets } from './report-file.ts';
import { openResultFolder, put } from './result-folder.ts';
import { say } from './say.ts';
import { StopOnSignal } from './stop-on-signal.ts';

interface DiskOptions {
  readonly results: string;
  readonly seconds: number;
  readonly json?: boolean;
}

export function diskCommand(): Command {
  return new Command('disk')
    .description('what the disk of the results folder can do for a log: appends, flushes, direct writes, reads beside them')
    .option('--results <dir>', 'the folder of all results, on the disk that is meant', 'bench-results')
    .option('--seconds <n>', 'of each measurement', aboveZero, 1)
    .option('--json', 'the figures as JSON on standard output')
    .action(disk);
}

async function disk({ results, seconds, json }: DiskOptions): Promise<void> {
  openResultFolder(results);
  const short = bytesNeeded(results);
  if (short !== null)
    throw new BenchFailed(
      `${results}: ${(short.free / 1e9).toFixed(1)} GB are free on this disk, ${(short.needed / 1e9).toFixed(1)} GB are needed`,
    );
  const signals = new StopOnSignal();
  const { signal } = signals;
  const { fileSystem, disk: name, virtualisation } = readEnvironment(results, '');
  try {
    const onStep = (done: number, all: number, what: string): void => say(`${done} of ${all}: ${what}`);
    const probed = await probeDisk({ dir: results, secondsEach: seconds, fileBytes: PROBE_FILE_BYTES, signal, onStep });
    const about = { measuredAt: new Date().toISOString(), dir: results, fileSystem, disk: name, virtual: virtualOf(name, virtualisation) };
    const limits: DiskLimits = { diskVersion: DISK_VERSION, ...about, ...probed };
    if (signal.aborted) throw new BenchFailed('stopped before its end: nothing is kept');
    put(join(results, DISK_FILE), `${JSON.stringify(limits, null, 1)}\n`);
    put(join(results, 'disk.html'), diskPage(limits, reportAssets()));
    if (json === true) process.stdout.write(`${JSON.stringify(limits)}\n`);
    else
      process.stdout.write(
        `${name ?? 'disk unknown'}; ${fileSystem ?? ''}\n\n${textTable(diskTable(limits))}\n\n${diskLines(limits).join('\n')}\n\n  report      ${join(results, 'disk.html')}\n`,
      );
  } finally {
    signals.close();
  }
}

function virtualOf(disk: string | null, virtualisation: string | null): string | null {
  if (disk !== null && /virtual/.test(disk)) return disk;
  if (disk !== null && /^(loop|ram|zram|dm-)/.test(disk)) return `${disk} is no disk itself`;
  return virtualisation;
}
