// Load made by a worker in a process of its own: starts it, tells it what to do, hands on what it reports. Owner: the thread
// that opened it. Not hot: a few lines a second.
//
// The worker (omb-harness/native/load_worker.cc) takes and says a JSON message a line. It ends when its input ends, so none
// outlives the harness.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { DriverError } from '../contracts/driver.ts';
import type { IntervalRecord } from '../contracts/interval-record.ts';
import type { LoadEvents, LoadHandle, LoadSummary, SeenLane, SentLane } from '../contracts/load-handle.ts';
import type { Phase } from '../contracts/phase.ts';

const STDERR_CHARS = 2000;
const END_LIMIT_MS = 10_000;

export interface NativeLoadOptions {
  /** The worker's executable file. */
  readonly program: string;
  readonly workerId: number;
  /** A LoadPlan with addresses, as native/load_plan.cc reads it. */
  readonly plan: object;
  readonly events: LoadEvents;
  readonly effectiveSettings: Readonly<Record<string, string>>;
  readonly ignoredSettings: readonly string[];
  /** What an error code of the system means. */
  readonly errorText: (code: number) => string;
}

/** What the worker says at its end; a worker of producers has no lanes seen, one of consumers none sent. */
interface NativeSummary {
  readonly workerId: number;
  readonly sentLanes?: readonly SentLane[];
  readonly seenLanes?: readonly SeenLane[];
  readonly unfinishedByPhase?: Readonly<Record<number, number>>;
  readonly errors?: Readonly<Record<number, number>>;
}

type Said =
  | { readonly say: 'opened' }
  | { readonly say: 'interval'; readonly record: IntervalRecord }
  | { readonly say: 'failed'; readonly why: string }
  | { readonly say: 'done'; readonly id: number }
  | { readonly say: 'closed'; readonly summary: NativeSummary };

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

export class NativeLoad implements LoadHandle {
  readonly workerId: number;
  private readonly options: NativeLoadOptions;
  private readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  private readonly asked = new Map<number, Waiting<void>>();
  private opening: Waiting<void> | null = null;
  private closing: Waiting<NativeSummary> | null = null;
  private closed = false;
  private nextId = 0;
  private said = '';
  private complained = '';
  private ended: Error | null = null;

  private constructor(options: NativeLoadOptions) {
    this.workerId = options.workerId;
    this.options = options;
    this.child = spawn(options.program, [], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => this.hear(text));
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.complained = (this.complained + text).slice(-STDERR_CHARS);
    });
    // What could not be told it any more is told by its end.
    this.child.stdin.on('error', () => undefined);
    this.child.once('error', (error) => this.end(error));
    this.child.once('close', (code, signal) => {
      this.end(new Error(`a load worker ended with ${signal ?? `status ${code}`}; it said: ${this.complained.trim() || 'nothing'}`));
    });
  }

  /** Connected when it resolves. @throws DriverError */
  static async open(options: NativeLoadOptions): Promise<NativeLoad> {
    const load = new NativeLoad(options);
    try {
      await new Promise<void>((resolve, reject) => {
        load.opening = { resolve, reject };
        load.tell({ do: 'open', plan: options.plan });
      });
    } catch (error) {
      load.child.kill('SIGKILL');
      throw new DriverError((error as Error).message);
    }
    load.opening = null;
    return load;
  }

  announce(phase: Phase): void {
    this.tell({ do: 'announce', phase });
  }

  pause(): Promise<void> {
    return this.ask({ do: 'pause' });
  }

  resume(): Promise<void> {
    return this.ask({ do: 'resume' });
  }

  quiesce(drainMs: number): Promise<void> {
    return this.ask({ do: 'quiesce', drainMs });
  }

  async close(): Promise<LoadSummary> {
    const summary = await new Promise<NativeSummary>((resolve, reject) => {
      this.closing = { resolve, reject };
      if (this.ended !== null) reject(this.ended);
      else this.tell({ do: 'close' });
    });
    this.closed = true;
    this.child.stdin.end();
    const timer = setTimeout(() => this.child.kill('SIGKILL'), END_LIMIT_MS);
    timer.unref();
    const { effectiveSettings, ignoredSettings, errorText } = this.options;
    return {
      workerId: summary.workerId,
      sentLanes: summary.sentLanes ?? [],
      seenLanes: summary.seenLanes ?? [],
      unfinishedByPhase: summary.unfinishedByPhase ?? {},
      errorTexts: Object.fromEntries(Object.entries(summary.errors ?? {}).map(([code, count]) => [errorText(Number(code)), count])),
      effectiveSettings,
      ignoredSettings,
    };
  }

  private ask(what: object): Promise<void> {
    if (this.ended !== null) return Promise.reject(this.ended);
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.asked.set(id, { resolve, reject });
      this.tell({ ...what, id });
    });
  }

  private tell(message: object): void {
    this.child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  private hear(text: string): void {
    const lines = (this.said + text).split('\n');
    this.said = lines.pop()!;
    for (const line of lines) this.take(JSON.parse(line) as Said);
  }

  private take(said: Said): void {
    switch (said.say) {
      case 'opened':
        this.opening?.resolve();
        break;
      case 'interval':
        this.options.events.onInterval(said.record);
        break;
      case 'failed':
        if (this.opening !== null) this.opening.reject(new Error(said.why));
        else this.options.events.onFailure(new Error(said.why));
        break;
      case 'done':
        this.asked.get(said.id)?.resolve();
        this.asked.delete(said.id);
        break;
      case 'closed':
        this.closing?.resolve(said.summary);
        break;
    }
  }

  /** The process is gone. */
  private end(error: Error): void {
    if (this.ended !== null) return;
    this.ended = error;
    for (const waiting of this.asked.values()) waiting.reject(error);
    this.asked.clear();
    this.closing?.reject(error);
    if (this.opening !== null) this.opening.reject(error);
    else if (!this.closed) this.options.events.onFailure(error);
  }
}
