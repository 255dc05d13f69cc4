// The files a bench names: workloads by path or by the name of one that ships, drivers, payloads. Owner: the main thread.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import type { DriverSettings } from '../contracts/driver-settings.ts';
import type { Workload } from '../contracts/workload.ts';
import { nearestName } from '../formats/nearest-name.ts';
import { readDriver } from '../formats/read-driver.ts';
import { readWorkload } from '../formats/read-workload.ts';
import { BenchFailed } from './bench-failed.ts';

export interface FromFile<T> {
  readonly value: T;
  readonly notices: readonly string[];
}

/** The harness's own folder, from wherever the code runs: sources or a bundle. */
export function harnessFolder(name: string): string {
  let folder = import.meta.dirname ?? '.';
  while (!existsSync(join(folder, 'omb-harness', 'workloads')) && folder !== '/') folder = join(folder, '..');
  return join(folder, 'omb-harness', name);
}

export const stemOf = (path: string): string => basename(path, extname(path));

export function loadWorkload(name: string, lenient: boolean): FromFile<Workload> {
  const path = located(name, 'workloads');
  const read = readWorkload(path, stemOf(path), textOf(path), lenient);
  if (!read.ok) throw new BenchFailed(read.errors.join('\n'));
  return { value: read.workload, notices: read.notices };
}

export function loadDriver(name: string, lenient: boolean): FromFile<DriverSettings> {
  const path = located(name, 'drivers');
  const read = readDriver(path, stemOf(path), textOf(path), lenient);
  if (!read.ok) throw new BenchFailed(read.errors.join('\n'));
  return { value: read.driver, notices: read.notices };
}

/** As OMB: a path from the working directory; beside the workload it is looked for, too, by its name. */
export function loadPayload({ payloadFile, messageSize, stem, useRandomizedPayloads }: Workload): Uint8Array | null {
  if (payloadFile === null || useRandomizedPayloads) return null;
  if (existsSync(payloadFile)) return readFileSync(payloadFile);
  // OMB's own files are of hex text of the size their name says; a workload that names one is meant to run anywhere.
  if (/^payload\/payload-\d+(b|kb)\.data$/i.test(payloadFile)) return null;
  throw new BenchFailed(`${stem}: payloadFile ${payloadFile} is not there (of ${messageSize} bytes, from the working directory)`);
}

export function located(name: string, folder: string): string {
  if (existsSync(name)) return name;
  const shipped = harnessFolder(folder);
  const names = readdirSync(shipped)
    .filter((file) => /\.ya?ml$/.test(file))
    .map(stemOf);
  if (names.includes(stemOf(name)) && !name.includes('/')) return join(shipped, `${stemOf(name)}.yaml`);
  const near = nearestName(stemOf(name), names);
  throw new BenchFailed(
    `${name} is neither a file nor the name of one of the ${folder} that ship${near === null ? '' : `; did you mean ${near}?`}`,
  );
}

export function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new BenchFailed(`${path}: ${(error as Error).message}`);
  }
}
