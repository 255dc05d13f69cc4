// The files a bench names: workloads by path or by the name of one that ships, drivers, payloads. Owner: the main thread.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import type { DriverSettings } from '../contracts/driver-settings.ts';
import type { Workload } from '../contracts/workload.ts';
import { nearestName } from '../formats/nearest-name.ts';
import { readDriver } from '../formats/read-driver.ts';
import { readWorkload } from '../formats/read-workload.ts';
import { stockDriver, stockDriverNames } from '../formats/stock-drivers.ts';
import { stockWorkload, stockWorkloadNames } from '../formats/stock-workloads.ts';
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
  const { path, text } = named(name, 'workloads', stockWorkload, stockWorkloadNames);
  const read = readWorkload(path, stemOf(path), text, lenient);
  if (!read.ok) throw new BenchFailed(read.errors.join('\n'));
  return { value: read.workload, notices: read.notices };
}

export function loadDriver(name: string, lenient: boolean): FromFile<DriverSettings> {
  const { path, text } = named(name, 'drivers', stockDriver, stockDriverNames);
  const read = readDriver(path, stemOf(path), text, lenient);
  if (!read.ok) throw new BenchFailed(read.errors.join('\n'));
  return { value: read.driver, notices: read.notices };
}

export interface LoadedPayload {
  /** null: the workload makes its own. */
  readonly bytes: Uint8Array | null;
  /** What is sent is not what the file names. */
  readonly notice: string | null;
}

/** As OMB: a path from the working directory. */
export function loadPayload(workload: Workload): LoadedPayload {
  const { payloadFile, messageSize, messageSizeDistribution, stem, useRandomizedPayloads } = workload;
  if (payloadFile === null || useRandomizedPayloads || messageSizeDistribution !== null) return { bytes: null, notice: null };
  if (existsSync(payloadFile)) return { bytes: readFileSync(payloadFile), notice: null };
  // OMB's own files are of hex text of the size their name says; a workload that names one is meant to run anywhere.
  if (/^payload\/payload-\d+(b|kb)\.data$/i.test(payloadFile))
    return {
      bytes: null,
      notice: `${stem}: ${payloadFile} is not there: hex text of ${messageSize} B, the same in every message, is sent in its place`,
    };
  throw new BenchFailed(`${stem}: payloadFile ${payloadFile} is not there (of ${messageSize} bytes, from the working directory)`);
}

/** A file, one that ships, or a stock one, in this order. */
function named(name: string, folder: string, stock: (stem: string) => string | null, stockNames: readonly string[]) {
  const text = existsSync(name) || shippedIn(folder).includes(stemOf(name)) ? null : stock(name);
  if (text !== null) return { path: name, text };
  const path = located(name, folder, stockNames);
  return { path, text: textOf(path) };
}

export function shippedIn(folder: string): string[] {
  return readdirSync(harnessFolder(folder))
    .filter((file) => /\.ya?ml$/.test(file))
    .map(stemOf)
    .sort();
}

/** @param others names that are known and are no files */
export function located(name: string, folder: string, others: readonly string[] = []): string {
  if (existsSync(name)) return name;
  const names = shippedIn(folder);
  if (names.includes(stemOf(name)) && !name.includes('/')) return join(harnessFolder(folder), `${stemOf(name)}.yaml`);
  const near = nearestName(stemOf(name), [...names, ...others]);
  const hint = near === null ? ' (ringlog bench list has them)' : `; did you mean ${near}?`;
  throw new BenchFailed(`${name} is neither a file nor the name of one of the ${folder} that ship${hint}`);
}

export function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new BenchFailed(`${path}: ${(error as Error).message}`);
  }
}
