// `ringlog dump`: what the files of a log hold, with every batch checked. Works without a broker. Owner: the main thread.

import { readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { BatchWalker, WalkStatus } from '../engine/record/batch-walker.ts';
import { CannotDecompress, codecNames } from '../engine/record/compression.ts';
import { recordsOf } from '../engine/record/log-records.ts';
import { CommandFailed } from './command-failed.ts';
import { print, printRows } from './output.ts';

const INDEX_ENTRY_BYTES = 8;
const TIME_INDEX_ENTRY_BYTES = 12;

interface DumpOptions {
  readonly json?: boolean;
  readonly records?: boolean;
}

export async function dumpFiles(files: readonly string[], options: DumpOptions): Promise<void> {
  for (const file of files) {
    if (files.length > 1) print(`${file}:`);
    const bytes = readFileSync(file);
    const base = Number(basename(file).split('.')[0]);
    switch (extname(file)) {
      case '.log':
        dumpLog(file, bytes, options);
        break;
      case '.index':
        printRows(indexRows(bytes, base), options.json, 'empty');
        break;
      case '.timeindex':
        printRows(timeIndexRows(bytes, base), options.json, 'empty');
        break;
      default:
        throw new CommandFailed(`${file}: only .log, .index and .timeindex files can be dumped`);
    }
  }
}

function dumpLog(file: string, bytes: Uint8Array, { json, records }: DumpOptions): void {
  const walker = new BatchWalker({ checkCrc: true, batchMaxBytes: Infinity });
  walker.wrap(bytes, 0, bytes.length, 0);
  const rows: Record<string, unknown>[] = [];
  while (walker.next() === WalkStatus.BATCH) {
    const { header, position, sizeBytes } = walker;
    rows.push({
      base: header.baseOffset,
      last: header.lastOffset,
      records: header.recordCount,
      position,
      bytes: sizeBytes,
      codec: codecNames[header.codec] ?? header.codec,
      epoch: header.leaderEpoch,
      producer: header.producerId < 0 ? null : `${header.producerId}/${header.producerEpoch}#${header.baseSequence}`,
      time: new Date(header.maxTimestamp).toISOString(),
      ...(records === true ? { content: contentOf(bytes, walker.offset, sizeBytes) } : {}),
    });
  }
  printRows(rows, json, 'no batches');
  if (walker.status === WalkStatus.END) return;
  const name = Object.entries(WalkStatus).find(([, value]) => value === walker.status)![0];
  throw new CommandFailed(
    `${file}: ${name} at position ${walker.position}, ${bytes.length - walker.position} bytes from there are not valid batches`,
  );
}

function contentOf(bytes: Uint8Array, offset: number, sizeBytes: number): unknown {
  try {
    return [...recordsOf(bytes, offset, sizeBytes)].map(({ offset: at, key, value }) => ({
      offset: at,
      key: key === null ? null : Buffer.from(key).toString(),
      value: value === null ? null : Buffer.from(value).toString(),
    }));
  } catch (error) {
    if (error instanceof CannotDecompress) return error.message;
    throw error;
  }
}

/** A zero tail is room that was never used. */
function indexRows(bytes: Buffer, base: number): Record<string, unknown>[] {
  const rows: Record<string, unknown>[] = [];
  for (let at = 0; at + INDEX_ENTRY_BYTES <= bytes.length; at += INDEX_ENTRY_BYTES) {
    const relative = bytes.readInt32BE(at);
    const position = bytes.readInt32BE(at + 4);
    if (relative === 0 && position === 0 && at > 0) break;
    rows.push({ offset: base + relative, position });
  }
  return rows;
}

function timeIndexRows(bytes: Buffer, base: number): Record<string, unknown>[] {
  const rows: Record<string, unknown>[] = [];
  for (let at = 0; at + TIME_INDEX_ENTRY_BYTES <= bytes.length; at += TIME_INDEX_ENTRY_BYTES) {
    const timestamp = Number(bytes.readBigInt64BE(at));
    const relative = bytes.readInt32BE(at + 8);
    if (timestamp === 0 && relative === 0 && at > 0) break;
    rows.push({ timestamp, time: new Date(timestamp).toISOString(), offset: base + relative });
  }
  return rows;
}
