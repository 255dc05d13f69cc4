// Flags that OMB and its forks take and this does not, each with what to do instead. Owner: the main thread. Not hot.

import { type Command, Option } from 'commander';
import { BenchFailed } from './bench-failed.ts';

const ONE_MACHINE =
  'workers on other machines are not there: the load runs on this one, in as many processes as --producer-workers and --consumer-workers say';

const flags: readonly (readonly [flags: string, why: string])[] = [
  ['--workers <urls>', `${ONE_MACHINE}. Leave --workers out`],
  ['--workers-file <file>', `${ONE_MACHINE}. Leave --workers-file out`],
  ['-x, --extra', '-x gives consumers more workers: here --producer-workers and --consumer-workers say how many'],
  [
    '-c, --csv <dir>',
    '-c makes a CSV of result files: here ringlog bench report makes one page of several runs, and --json prints every figure',
  ],
  ['-t, --topology <name>', `-t chooses how worker machines are used, and ${ONE_MACHINE}`],
  [
    '-v, --service-version <version>',
    '-v puts a version of the system into the result: here the system is asked (its answers are in result.json)',
  ],
];

export function refuseOmbFlags(program: Command): void {
  for (const [names, why] of flags) {
    const option = new Option(names).hideHelp();
    program.addOption(option);
    program.on(`option:${option.name()}`, () => {
      throw new BenchFailed(why);
    });
  }
}

/** -w names workloads here, and worker machines in OMB; its -wf is read as -w and an f. @throws BenchFailed */
export function workloadsOfFlag(named: readonly string[]): readonly string[] {
  if (named.some((name) => name.includes('://') || name === 'f'))
    throw new BenchFailed(`${ONE_MACHINE}. Leave -w out, or name workloads with it`);
  return named;
}
