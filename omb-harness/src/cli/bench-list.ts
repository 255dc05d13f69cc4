// `ringlog bench list`: the names that can be given in place of files. Owner: the main thread. Not hot.

import { Command } from 'commander';
import { stockDriverNames } from '../formats/stock-drivers.ts';
import { stockWorkloadNames } from '../formats/stock-workloads.ts';
import { shippedIn } from './bench-files.ts';

export function listCommand(): Command {
  return new Command('list').description('names of workloads, drivers and sweeps that can be given in place of files').action(() => {
    const part = (title: string, names: readonly string[]): string => `${title}\n${names.map((name) => `  ${name}\n`).join('')}`;
    process.stdout.write(
      [
        part('workloads that fit two cores and a minute', shippedIn('workloads')),
        part("OMB's stock workloads, made from their names", stockWorkloadNames),
        part('drivers', shippedIn('drivers')),
        part("OMB's stock Kafka drivers", stockDriverNames),
        part('sweeps', shippedIn('sweeps')),
      ].join('\n'),
    );
  });
}
