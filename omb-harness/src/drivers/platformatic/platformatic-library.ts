// What of @platformatic/kafka is used here, and where it is found: the user's own, in the working directory, is what they want
// measured. Owner: the thread that asks. Not hot.

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { packageFile } from '../../../../src/engine/base/package-file.ts';
import { DriverError } from '../../contracts/driver.ts';

const NAME = '@platformatic/kafka';

interface LibraryMessage {
  readonly topic: string;
  readonly key?: Uint8Array;
  readonly value: Uint8Array;
  readonly headers?: Readonly<Record<string, Uint8Array>>;
}

interface LibraryProducer {
  send(options: { readonly messages: readonly LibraryMessage[] }): Promise<unknown>;
  close(): Promise<void>;
}

interface LibraryStream {
  on(event: 'data', listener: (message: ReceivedMessage) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  pause(): unknown;
  resume(): unknown;
}

interface ReceivedMessage {
  readonly partition: number;
  readonly value: Uint8Array;
  readonly offset: bigint;
  readonly headers: ReadonlyMap<string, Uint8Array>;
}

interface LibraryConsumer {
  consume(options: object): Promise<LibraryStream>;
  close(force: boolean): Promise<void>;
}

export interface PlatformaticLibrary {
  readonly version: string;
  readonly Producer: new (options: object) => LibraryProducer;
  readonly Consumer: new (options: object) => LibraryConsumer;
}

/** @throws DriverError */
export async function openPlatformatic(): Promise<PlatformaticLibrary> {
  const from = [join(process.cwd(), 'package.json'), ...['package.json', '.peers/platformatic/package.json'].map(ofPackage)];
  for (const place of from) {
    const entry = resolved(place);
    if (entry === null) continue;
    const { version, needs } = packageOf(entry);
    // It loads in an older one, and then calls what is not there.
    if (!('withResolvers' in Promise)) throw new DriverError(`${NAME} ${version} needs Node ${needs}; this is ${process.versions.node}`);
    const library = (await import(pathToFileURL(entry).href)) as PlatformaticLibrary;
    return { Producer: library.Producer, Consumer: library.Consumer, version };
  }
  throw new DriverError(`${NAME} is not installed: npm install ${NAME} in ${process.cwd()}`);
}

const ofPackage = (path: string): string => fileURLToPath(packageFile(path));

function resolved(from: string): string | null {
  try {
    return createRequire(from).resolve(NAME);
  } catch {
    return null;
  }
}

function packageOf(entry: string): { readonly version: string; readonly needs: string } {
  for (let folder = dirname(entry); folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (!existsSync(file)) continue;
    const { name, version, engines } = JSON.parse(readFileSync(file, 'utf8')) as {
      readonly name?: string;
      readonly version?: string;
      readonly engines?: { readonly node?: string };
    };
    if (name === NAME) return { version: version ?? '(unknown version)', needs: engines?.node ?? 'of a later version' };
  }
  return { version: '(unknown version)', needs: 'of a later version' };
}
