// A shard as the supervisor sees it, on whichever thread it runs. Owner: the supervisor's thread. Not hot.

import type { MetadataDelta } from '../../engine/metadata/metadata-delta.ts';
import type { ReactorReport } from '../../net/reactor/reactor.ts';
import type { Mailbox } from '../ring/mailbox.ts';
import { type CheckpointReport, ControlKind, type DirectoryFailedBody, type ImageBody, type ListenBody } from '../shard/control-kind.ts';
import type { ShardThread } from './shard-thread.ts';

/** Opening logs after a crash reads them; nothing else here takes long. */
const IMAGE_DEADLINE_MS = 30 * 60_000;
const CLOSE_DEADLINE_MS = 60_000;

export class ShardHandle {
  private readonly mailbox: Mailbox;
  private readonly thread: ShardThread;
  private readonly onDeath: (cause: Error) => void;
  private dead = false;
  private closed = false;
  /** While it starts or closes: its death is what that fails with. */
  private failWait: ((cause: Error) => void) | null = null;

  /** `start` makes the thread, and says later that it ended without having been told to. */
  constructor(mailbox: Mailbox, start: (onDeath: (cause: Error) => void) => ShardThread, onDeath: (cause: Error) => void) {
    this.mailbox = mailbox;
    this.onDeath = onDeath;
    this.thread = start((cause) => this.died(cause));
  }

  /** Resolves when the shard has its reactor and answers its mail. */
  ready(): Promise<ReactorReport> {
    return this.orDeath(this.mailbox.call(ControlKind.READY, null) as Promise<ReactorReport>);
  }

  /** When this resolves, new partitions are open and removed ones are gone. */
  async applyDelta(delta: MetadataDelta): Promise<void> {
    await this.mailbox.call(ControlKind.IMAGE, { delta } satisfies ImageBody, IMAGE_DEADLINE_MS);
  }

  /** @returns the ports */
  async listen(body: ListenBody): Promise<number[]> {
    return (await this.mailbox.call(ControlKind.LISTEN, body)) as number[];
  }

  /** No later ack may trust that directory. */
  failDirectory(directory: string, errno: number): void {
    this.mailbox.sendControl(ControlKind.DIRECTORY_FAILED, { directory, errno } satisfies DirectoryFailedBody);
  }

  async checkpoints(): Promise<CheckpointReport> {
    return (await this.mailbox.call(ControlKind.CHECKPOINTS, null)) as CheckpointReport;
  }

  /** Everything is on the disk and the sockets are closed. Memory and descriptors that other threads may use stay. */
  async close(): Promise<CheckpointReport> {
    if (this.dead) throw new Error('the shard is dead');
    const report = await this.orDeath(this.mailbox.call(ControlKind.CLOSE, null, CLOSE_DEADLINE_MS) as Promise<CheckpointReport>);
    this.closed = true;
    return report;
  }

  /** After all shards have closed, or when they are given up: what it held is gone. */
  async end(): Promise<void> {
    // One that has not closed may still write: the number of a descriptor closed under it is soon another file's.
    if (this.closed && !this.dead) await this.mailbox.call(ControlKind.END, null).catch(() => undefined);
    await this.thread.end();
  }

  private orDeath<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const settled = (): void => void (this.failWait = null);
      this.failWait = reject;
      answer.then(resolve, reject).finally(settled);
    });
  }

  private died(cause: Error): void {
    this.dead = true;
    if (this.failWait === null) this.onDeath(cause);
    else this.failWait(cause);
  }
}
