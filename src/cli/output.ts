// What commands print: tables for people, one JSON value a line for programs. Owner: the main thread.

import Table from 'cli-table3';
import { ClusterClient } from '../net/kafka/client/cluster-client.ts';

// A reader that has seen enough, as `head`, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

export interface CommonOptions {
  readonly bootstrap: string;
  readonly json?: boolean;
}

/** Rows of one kind; keys are the column heads. */
export function printRows(rows: readonly Readonly<Record<string, unknown>>[], asJson: boolean | undefined, empty = 'none'): void {
  if (asJson === true) {
    for (const row of rows) print(JSON.stringify(row));
    return;
  }
  if (rows.length === 0) {
    print(empty);
    return;
  }
  const head = Object.keys(rows[0]!);
  if (process.stdout.isTTY !== true) {
    print(head.join('\t'));
    for (const row of rows) print(head.map((key) => cell(row[key])).join('\t'));
    return;
  }
  const table = new Table({ head, style: { head: ['bold'], compact: true } });
  for (const row of rows) table.push(head.map((key) => cell(row[key])));
  print(table.toString());
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return '-';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Run `work` with a client of the cluster, and close it whatever happens. */
export async function withCluster<T>({ bootstrap }: CommonOptions, work: (cluster: ClusterClient) => Promise<T>): Promise<T> {
  const cluster = await ClusterClient.open(bootstrap);
  try {
    return await work(cluster);
  } finally {
    await cluster.close();
  }
}

/** `key=value` pairs. */
export function pairs(texts: readonly string[]): { name: string; value: string }[] {
  return texts.map((text) => {
    const equals = text.indexOf('=');
    return equals < 0 ? { name: text, value: '' } : { name: text.slice(0, equals), value: text.slice(equals + 1) };
  });
}
