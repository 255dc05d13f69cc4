// A headless Chromium driven over its pipe: DevTools messages, no port, no package. Owner: the test's thread.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

const names = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'];

export const browserCommand: string | null = names.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0) ?? null;

const DEADLINE_MS = 60_000;

type Fields = Record<string, unknown>;

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Fields;
  readonly result?: Fields;
  readonly error?: { readonly message: string };
}

export class HeadlessBrowser {
  /** Everything the page did that a reader should not get: exceptions, console errors, requests other than for itself. */
  readonly complaints: string[] = [];
  private readonly child: ChildProcess;
  private readonly profile: string;
  private readonly waiting = new Map<number, { resolve: (result: Fields) => void; reject: (error: Error) => void }>();
  private readonly events = new Map<string, () => void>();
  private nextId = 1;
  private session: string | undefined;
  private page = '';

  private constructor(command: string) {
    this.profile = mkdtempSync(join(tmpdir(), 'report-browser-'));
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--no-first-run', '--disable-dev-shm-usage'];
    this.child = spawn(command, [...flags, '--remote-debugging-pipe', `--user-data-dir=${this.profile}`], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    this.child.on('exit', () => {
      for (const { reject } of this.waiting.values()) reject(new Error('the browser is gone'));
    });
    let rest = '';
    (this.child.stdio[4] as Readable).setEncoding('utf8').on('data', (chunk: string) => {
      const parts = (rest + chunk).split('\0');
      rest = parts.pop()!;
      for (const part of parts) this.take(JSON.parse(part) as Message);
    });
  }

  static async open(command: string, width: number, height: number): Promise<HeadlessBrowser> {
    const browser = new HeadlessBrowser(command);
    const { targetId } = await browser.call('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await browser.call('Target.attachToTarget', { targetId, flatten: true });
    browser.session = sessionId as string;
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await browser.call(`${domain}.enable`);
    await browser.resize(width, height);
    return browser;
  }

  async resize(width: number, height: number): Promise<void> {
    await this.call('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
  }

  async load(url: string): Promise<void> {
    this.page = url;
    const loaded = new Promise<void>((resolve) => this.events.set('Page.loadEventFired', resolve));
    await this.call('Page.navigate', { url });
    await loaded;
  }

  /** @param expression evaluated in the page; promises are waited for */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.call('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value: T }).value;
  }

  async press(key: string): Promise<void> {
    for (const type of ['keyDown', 'keyUp']) await this.call('Input.dispatchKeyEvent', { type, key, code: key });
  }

  async prefer(scheme: 'dark' | 'light'): Promise<void> {
    await this.call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
  }

  /** PNG of the whole page. */
  async picture(): Promise<Buffer> {
    const { data } = await this.call('Page.captureScreenshot', { captureBeyondViewport: true });
    return Buffer.from(data as string, 'base64');
  }

  async close(): Promise<void> {
    const gone = new Promise<void>((resolve) => this.child.once('exit', () => resolve()));
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGKILL');
      await gone;
    }
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 10 });
  }

  private call(method: string, params: Fields = {}): Promise<Fields> {
    const id = this.nextId++;
    const message = { id, method, params, ...(this.session === undefined ? {} : { sessionId: this.session }) };
    (this.child.stdio[3] as Writable).write(`${JSON.stringify(message)}\0`);
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${method} was not answered`)), DEADLINE_MS);
      const settled =
        <T>(then: (value: T) => void) =>
        (value: T) => {
          clearTimeout(late);
          this.waiting.delete(id);
          then(value);
        };
      this.waiting.set(id, { resolve: settled(resolve), reject: settled(reject) });
    });
  }

  /** The page itself, and what is served beside it. */
  private isOwn(url: string): boolean {
    return url === this.page || url.startsWith('data:') || (url.startsWith('http:') && new URL(url).origin === new URL(this.page).origin);
  }

  private take({ id, method, params, result, error }: Message): void {
    if (id !== undefined) {
      const asked = this.waiting.get(id);
      if (error === undefined) asked?.resolve(result ?? {});
      else asked?.reject(new Error(error.message));
      return;
    }
    this.events.get(method!)?.();
    const { type, entry, request } = (params ?? {}) as { type?: string; entry?: { level: string }; request?: { url: string } };
    const bad =
      method === 'Runtime.exceptionThrown' ||
      (method === 'Runtime.consoleAPICalled' && ['error', 'warning', 'assert'].includes(type!)) ||
      (method === 'Log.entryAdded' && ['error', 'warning'].includes(entry!.level)) ||
      (method === 'Network.requestWillBeSent' && !this.isOwn(request!.url));
    if (bad) this.complaints.push(`${method}: ${JSON.stringify(params)}`);
  }
}
