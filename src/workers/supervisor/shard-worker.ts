// A shard on its own thread, as the supervisor sees it. Owner: the supervisor's thread. Not hot.

import { Worker } from 'node:worker_threads';
import type { MetadataDelta } from '../../engine/metadata/metadata-delta.ts';
import type { ReactorReport } from '../../net/reactor/reactor.ts';
import type { Mailbox } from '../ring/mailbox.ts';
import { type Checkpoints, ControlKind, type ImageBody, type ListenBody } from '../shard/control-kind.ts';
import type { ShardWorkerData } from '../shard/shard-main.ts';

/** Opening logs after a crash reads them; nothing else here takes long. */
const IMAGE_DEADLINE_MS = 30 * 60_000;
const CLOSE_DEADLINE_MS = 60_000;
/** The running file's own extension: compiled everywhere but in tests. */
const ENTRY = new URL('../shard/shard-main.js', import.meta.url);

/** What the supervisor needs of a shard, on whichever thread it runs. */
export interface ShardHandle {
  applyDelta(delta: MetadataDelta): Promise<void>;
  listen(body: ListenBody): Promise<number[]>;
  checkpoints(): Promise<Checkpoints>;
  close(): Promise<Checkpoints>;
}

export class ShardWorker implements ShardHandle {
  private readonly worker: Worker;
  private readonly mailbox: Mailbox;
  private closing = false;

  /** `onDeath` is called once when the thread ends without having been closed. */
  constructor(data: ShardWorkerData, mailbox: Mailbox, onDeath: (cause: Error) => void) {
    this.mailbox = mailbox;
    this.worker = new Worker(ENTRY, { workerData: data, name: `shard-${data.identity.shard}` });
    let dead = false;
    const died = (cause: Error): void => {
      if (dead || this.closing) return;
      dead = true;
      onDeath(cause);
    };
    this.worker.on('error', died);
    this.worker.on('exit', (code) => died(new Error(`shard ${data.identity.shard} ended with code ${code}`)));
  }

  /** Resolves when the thread has its reactor and answers its mail. */
  ready(): Promise<ReactorReport> {
    return this.mailbox.call(ControlKind.READY, null) as Promise<ReactorReport>;
  }

  async abandon(): Promise<void> {
    this.closing = true;
    await this.worker.terminate();
  }

  async applyDelta(delta: MetadataDelta): Promise<void> {
    await this.mailbox.call(ControlKind.IMAGE, { delta } satisfies ImageBody, IMAGE_DEADLINE_MS);
  }

  async listen(body: ListenBody): Promise<number[]> {
    return (await this.mailbox.call(ControlKind.LISTEN, body)) as number[];
  }

  async checkpoints(): Promise<Checkpoints> {
    return (await this.mailbox.call(ControlKind.CHECKPOINTS, null)) as Checkpoints;
  }

  async close(): Promise<Checkpoints> {
    this.closing = true;
    const last = (await this.mailbox.call(ControlKind.CLOSE, null, CLOSE_DEADLINE_MS)) as Checkpoints;
    await this.worker.terminate();
    return last;
  }
}
