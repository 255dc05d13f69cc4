// What a disk can do, as one table for the terminal and one page. Owner: pure. Not hot.

import type { DiskFigure, DiskLimits } from '../contracts/disk-limits.ts';
import { html } from '../report/html.ts';
import { pageShell, type ReportAssets } from '../report/page-shell.ts';
import { type FigureTable, htmlTable } from './figure-table.ts';
import { shownFigure } from './figures.ts';

const sizeInWords = (bytes: number): string => (bytes >= 1048576 ? `${bytes / 1048576} MiB` : `${bytes / 1024} KiB`);

export function diskTable({ figures }: DiskLimits): FigureTable {
  return {
    caption: 'Calls of one size, one after the other in each thread',
    head: ['work', 'size', 'threads', 'MB/s', 'calls/s', 'p50, µs', 'p99, µs', 'max, µs'],
    rows: figures.map(({ what, bytes, depth, bytesPerSecond, callsPerSecond, p50Us, p99Us, maxUs }) => [
      ...[what, sizeInWords(bytes), String(depth), shownFigure(bytesPerSecond / 1e6), shownFigure(callsPerSecond)],
      ...[shownFigure(p50Us), shownFigure(p99Us), shownFigure(maxUs)],
    ]),
  };
}

/** What the table means for a log, in a few lines. */
export function diskLines(limits: DiskLimits): string[] {
  const { figures, virtual, left } = limits;
  const lines: string[] = [];
  const best = (of: (figure: DiskFigure) => boolean): DiskFigure | undefined =>
    figures.filter(of).sort((a, b) => b.bytesPerSecond - a.bytesPerSecond)[0];
  const append = best(({ work }) => work === 'append' || work === 'direct');
  if (append !== undefined)
    lines.push(`At most ${shownFigure(append.bytesPerSecond / 1e6)} MB/s reach this disk: ${append.what}, ${sizeInWords(append.bytes)}.`);
  const flush = figures.find(({ work, bytes }) => work === 'append-fdatasync' && bytes === 4096);
  if (flush !== undefined)
    lines.push(
      `A durable ack costs at least ${shownFigure(flush.p50Us)} µs (p99 ${shownFigure(flush.p99Us)} µs) where each has its own flush: ${shownFigure(flush.callsPerSecond)} of them a second. More acks a second need a flush that serves many.`,
    );
  const alone = figures.find(({ work, bytes, depth }) => work === 'direct' && bytes === 65536 && depth === 1);
  const read = figures.find(({ work }) => work === 'direct-beside-reads');
  if (alone !== undefined && read !== undefined)
    lines.push(`Reading history makes the p99 of direct writes ${shownFigure(read.p99Us / alone.p99Us)} times what it is alone.`);
  if (virtual !== null)
    lines.push(`Virtual: ${virtual}. A host's cache may answer for the disk: compare on it, and quote no figure of it.`);
  for (const what of left) lines.push(`Not measured: ${what}.`);
  return lines;
}

export function diskPage(limits: DiskLimits, assets: ReportAssets): string {
  const body = html`<p>
      ${limits.disk ?? 'disk unknown'}; ${limits.fileSystem ?? 'file system unknown'}; in ${limits.dir}, ${limits.measuredAt}.
    </p>
    <ul>
      ${diskLines(limits).map((line) => html`<li>${line}</li>`)}
    </ul>
    ${htmlTable(diskTable(limits))}
    <p class="note">
      Times are of whole calls from Node: one or two µs of each are its own. Files of half a GiB; what is appended through the page cache is
      synced at the end, and that time counts.
    </p>`;
  return pageShell({ title: 'What this disk can do for a log', body, charts: [] }, assets);
}
