// Every message that has a table, with its parsed table and its generated codec: what the schema tests run over.
// Owner: tests; pure.

import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { ByteReader } from '../../../../src/engine/base/byte-reader.ts';
import type { ByteWriter } from '../../../../src/engine/base/byte-writer.ts';
import {
  parseMessage,
  requestOf,
  responseOf,
  type ApiTable,
  type Message,
  type MessageTable,
} from '../../../../src/net/kafka/schema/table.ts';

export interface MessageCodec {
  readonly message: Message;
  readonly decode: (r: ByteReader, version: number) => unknown;
  readonly encode: (w: ByteWriter, m: unknown, version: number) => void;
}

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../../..');
const FOLDERS = ['src/net/kafka/schema', 'src/engine/coordinator/records', 'src/engine/record'];

async function load(path: string): Promise<Record<string, unknown>> {
  return (await import(/* @vite-ignore */ pathToFileURL(join(ROOT, path)).href)) as Record<string, unknown>;
}

export async function messageCodecs(): Promise<MessageCodec[]> {
  const codecs: MessageCodec[] = [];
  for (const folder of FOLDERS) {
    for (const file of readdirSync(join(ROOT, folder, 'tables')).sort()) {
      const generated = await load(`${folder}/generated/${file}`);
      const of = (message: Message): MessageCodec => ({
        message,
        decode: generated[`decode${message.name}`] as MessageCodec['decode'],
        encode: generated[`encode${message.name}`] as MessageCodec['encode'],
      });
      for (const table of Object.values(await load(`${folder}/tables/${file}`))) {
        if (isApi(table)) codecs.push(of(requestOf(table)), of(responseOf(table)));
        else codecs.push(of(parseMessage(table as MessageTable)));
      }
    }
  }
  return codecs;
}

export function versionsOf(message: Message): number[] {
  const versions: number[] = [];
  for (let version = message.valid.from; version <= message.valid.to; version++) versions.push(version);
  return versions;
}

function isApi(table: unknown): table is ApiTable {
  return typeof table === 'object' && table !== null && 'request' in table;
}
