// A producer over a client library that takes whole batches: collects records for linger.ms or until batch.size, and sends so
// many batches at a time. Owner: the load's thread. Hot.

import type { JsProducer, OutgoingRecord, RecordOutcome } from '../../contracts/js-client.ts';

export interface BatchTerms {
  readonly lingerMs: number;
  /** Bytes of values: the library lays batches out for itself. */
  readonly batchBytes: number;
  readonly inFlightMax: number;
  readonly bufferBytes: number;
  readonly messageBytes: number;
  /** Resolves when all are acknowledged. */
  readonly sendBatch: (records: readonly OutgoingRecord[]) => Promise<unknown>;
  readonly close: () => Promise<void>;
  /** A batch failed as only a system that is gone lets it. */
  readonly isLost: (error: Error) => boolean;
  readonly failed: (error: Error) => void;
}

type Done = (outcome: RecordOutcome) => void;

export class BatchingProducer implements JsProducer {
  batches = 0;
  private readonly terms: BatchTerms;
  private readonly roomMax: number;
  private held = 0;
  private records: OutgoingRecord[] = [];
  private dones: Done[] = [];
  private inFlight = 0;
  private timer: NodeJS.Timeout | null = null;
  private lingered = false;

  constructor(terms: BatchTerms) {
    this.terms = terms;
    this.roomMax = Math.max(1, Math.floor(terms.bufferBytes / terms.messageBytes));
  }

  get room(): number {
    return this.roomMax - this.held;
  }

  partitionFor(): number {
    return -1;
  }

  send(record: OutgoingRecord, _partition: number, done: Done): void {
    this.held++;
    this.records.push(record);
    this.dones.push(done);
    this.dispatch();
  }

  async close(): Promise<void> {
    this.stopLinger();
    await this.terms.close();
  }

  private dispatch(): void {
    const full = Math.max(1, Math.floor(this.terms.batchBytes / this.terms.messageBytes));
    while (this.inFlight < this.terms.inFlightMax && (this.records.length >= full || this.lingered)) {
      this.sendSome(this.fitting(full));
      this.stopLinger();
    }
    // What is left came later, and has its own time to wait.
    if (this.records.length > 0 && this.timer === null && !this.lingered) this.timer = setTimeout(this.onLingered, this.terms.lingerMs);
  }

  private readonly onLingered = (): void => {
    this.timer = null;
    this.lingered = true;
    this.dispatch();
  };

  private stopLinger(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.lingered = false;
  }

  /** Of sizes that differ, fewer may fit than on average. */
  private fitting(countMax: number): number {
    let bytes = 0;
    for (let count = 0; count < Math.min(countMax, this.records.length); count++) {
      bytes += this.records[count]!.value.length;
      if (bytes > this.terms.batchBytes && count > 0) return count;
    }
    return countMax;
  }

  private sendSome(count: number): void {
    const records = this.records.splice(0, count);
    const dones = this.dones.splice(0, count);
    this.inFlight++;
    const settle = (error: Error | null): void => {
      this.inFlight--;
      this.held -= records.length;
      if (error === null) this.batches++;
      for (const done of dones) done({ error, writtenNs: null });
      if (error !== null && this.terms.isLost(error)) this.terms.failed(error);
      else this.dispatch();
    };
    this.terms.sendBatch(records).then(
      () => settle(null),
      (error: unknown) => settle(error as Error),
    );
  }
}
