// Where results go: a folder for all runs, marked with the version of its format, and in it one folder a run. Owner: the main
// thread. Not hot.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RESULT_VERSION, type RunResult } from '../contracts/run-result.ts';
import { writeHistogramLog } from '../formats/histogram-log.ts';
import { ombResultFileName, writeOmbResult } from '../formats/omb-result.ts';
import { writeResultFile } from '../formats/result-file.ts';
import { reportPage } from '../report/report-page.ts';
import { BenchFailed } from './bench-failed.ts';
import { reportAssets } from './report-file.ts';

const MARK = 'ringlog-bench.json';

/** Made if it is not there; one of another version is not written into. */
export function openResultFolder(dir: string): void {
  const mark = join(dir, MARK);
  guarded(dir, () => mkdirSync(dir, { recursive: true }));
  if (!existsSync(mark)) {
    guarded(mark, () => writeFileSync(mark, `${JSON.stringify({ resultVersion: RESULT_VERSION })}\n`));
    return;
  }
  const found = versionIn(readFileSync(mark, 'utf8'));
  if (found !== RESULT_VERSION)
    throw new BenchFailed(
      `${dir} holds results of version ${String(found)}, this is version ${RESULT_VERSION}: name another folder with --results`,
    );
}

export interface WrittenResult {
  readonly dir: string;
  readonly ombFile: string;
  readonly reportFile: string;
}

/** @param ombFile in place of OMB's own naming */
export function writeRun(dir: string, result: RunResult, ombFile: string | null): WrittenResult {
  const name = ombResultFileName(result);
  const own = join(dir, name.replace(/\.json$/, `-${result.runId}`));
  guarded(own, () => mkdirSync(own, { recursive: true }));
  const omb = ombFile ?? join(own, name);
  put(join(own, 'result.json'), writeResultFile(result));
  put(join(own, 'histograms.hlog'), writeHistogramLog(result));
  put(omb, writeOmbResult(result));
  const reportFile = join(own, 'report.html');
  put(reportFile, reportPage([result], reportAssets()));
  return { dir: own, ombFile: omb, reportFile };
}

/** Whole or not at all: a full disk leaves no half of a result under its name. */
export function put(path: string, text: string): void {
  guarded(path, () => {
    try {
      writeFileSync(`${path}.part`, text);
      renameSync(`${path}.part`, path);
    } finally {
      rmSync(`${path}.part`, { force: true });
    }
  });
}

function versionIn(text: string): unknown {
  try {
    return (JSON.parse(text) as { resultVersion?: unknown }).resultVersion;
  } catch {
    return 'unknown';
  }
}

function guarded(path: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw new BenchFailed(`cannot write ${path}: ${(error as Error).message}`);
  }
}
