// The report as a file: beside a run's result, or made anew from results. Owner: the main thread. Not hot.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import type { RunResult } from '../contracts/run-result.ts';
import { readResultFile } from '../formats/result-file.ts';
import { MOST_PAGE_BYTES, type ReportAssets } from '../report/page-shell.ts';
import { reportPage } from '../report/report-page.ts';
import { BenchFailed } from './bench-failed.ts';
import { harnessFolder } from './bench-files.ts';

const require = createRequire(import.meta.url);

export function reportAssets(): ReportAssets {
  const own = (name: string): string => readFileSync(join(harnessFolder('report-page'), name), 'utf8');
  const chartLibrary = readFileSync(require.resolve('uplot/dist/uPlot.iife.min.js'), 'utf8');
  const chartStyle = readFileSync(require.resolve('uplot/dist/uPlot.min.css'), 'utf8');
  return { styles: [chartStyle, own('page.css')], scripts: [chartLibrary, own('page.js')] };
}

/** @param paths result files, or the folders of runs */
export function reportOf(paths: readonly string[]): { readonly page: string; readonly file: string } {
  const files = paths.map((path) => (existsSync(path) && statSync(path).isDirectory() ? join(path, 'result.json') : path));
  const page = pageOf(files.map(resultIn), files.join(', '));
  if (Buffer.byteLength(page) > MOST_PAGE_BYTES)
    throw new BenchFailed(`${files.length} runs are too much for one report: ${(Buffer.byteLength(page) / 1e6).toFixed(1)} MB; name fewer`);
  // A name of its own beside a result of another name: reports of two files in a folder do not overwrite each other.
  const stem = basename(files[0]!, '.json');
  const name = stem === 'result' ? 'report.html' : `${stem}-report.html`;
  return { page, file: files.length === 1 ? join(dirname(files[0]!), name) : 'report.html' };
}

export function resultIn(file: string): RunResult {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new BenchFailed(`${file}: ${(error as Error).message}`);
  }
  const read = readResultFile(file, text);
  if (!read.ok) throw new BenchFailed(read.error);
  return read.result;
}

/** A file may have the version of a result and not be one. */
function pageOf(results: readonly RunResult[], files: string): string {
  const assets = reportAssets();
  try {
    return reportPage(results, assets);
  } catch (error) {
    throw new BenchFailed(`${files}: not a whole result (${(error as Error).message})`);
  }
}
