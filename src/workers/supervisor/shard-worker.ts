// A shard on its own thread, as the supervisor sees it. Owner: the supervisor's thread. Not hot.

import { Worker } from 'node:worker_threads';
import { packageFile } from '../../engine/base/package-file.ts';
import type { MetadataDelta } from '../../engine/metadata/metadata-delta.ts';
import type { ReactorReport } from '../../net/reactor/reactor.ts';
import type { Mailbox } from '../ring/mailbox.ts';
import { type CheckpointReport, ControlKind, type DirectoryFailedBody, type ImageBody, type ListenBody } from '../shard/control-kind.ts';
import type { ShardWorkerData } from '../shard/shard-main.ts';

/** Opening logs after a crash reads them; nothing else here takes long. */
const IMAGE_DEADLINE_MS = 30 * 60_000;
const CLOSE_DEADLINE_MS = 60_000;
const ENTRY = packageFile('dist/bundle/shard-main.js');

/** What the supervisor needs of a shard, on whichever thread it runs. */
export interface ShardHandle {
  applyDelta(delta: MetadataDelta): Promise<void>;
  listen(body: ListenBody): Promise<number[]>;
  /** No later ack may trust that directory. */
  failDirectory(directory: string, errno: number): void;
  checkpoints(): Promise<CheckpointReport>;
  /** Everything is on the disk and the sockets are closed. Memory and descriptors that other shards may use stay. */
  close(): Promise<CheckpointReport>;
  /** After all shards have closed: what it held is gone. */
  end(): Promise<void>;
}

export class ShardWorker implements ShardHandle {
  private readonly worker: Worker;
  private readonly mailbox: Mailbox;
  private ended = false;
  /** While it closes: its death is what the close fails with. */
  private failClose: ((cause: Error) => void) | null = null;

  /** `onDeath` is called once when the thread ends without having been told to close. */
  constructor(data: ShardWorkerData, mailbox: Mailbox, onDeath: (cause: Error) => void) {
    this.mailbox = mailbox;
    this.worker = new Worker(ENTRY, { workerData: data, name: `shard-${data.identity.shard}` });
    let dead = false;
    const died = (cause: Error): void => {
      if (dead || this.ended) return;
      dead = true;
      if (this.failClose === null) onDeath(cause);
      else this.failClose(cause);
    };
    this.worker.on('error', died);
    this.worker.on('exit', (code) => died(new Error(`shard ${data.identity.shard} ended with code ${code}`)));
  }

  /** Resolves when the thread has its reactor and answers its mail. */
  ready(): Promise<ReactorReport> {
    return this.mailbox.call(ControlKind.READY, null) as Promise<ReactorReport>;
  }

  async applyDelta(delta: MetadataDelta): Promise<void> {
    await this.mailbox.call(ControlKind.IMAGE, { delta } satisfies ImageBody, IMAGE_DEADLINE_MS);
  }

  async listen(body: ListenBody): Promise<number[]> {
    return (await this.mailbox.call(ControlKind.LISTEN, body)) as number[];
  }

  failDirectory(directory: string, errno: number): void {
    this.mailbox.sendControl(ControlKind.DIRECTORY_FAILED, { directory, errno } satisfies DirectoryFailedBody);
  }

  async checkpoints(): Promise<CheckpointReport> {
    return (await this.mailbox.call(ControlKind.CHECKPOINTS, null)) as CheckpointReport;
  }

  close(): Promise<CheckpointReport> {
    return new Promise((resolve, reject) => {
      this.failClose = reject;
      this.mailbox.call(ControlKind.CLOSE, null, CLOSE_DEADLINE_MS).then((last) => resolve(last as CheckpointReport), reject);
    });
  }

  async end(): Promise<void> {
    this.ended = true;
    await this.worker.terminate();
  }
}
