// CoordinatorRuntime: one partition of a coordinator's topic as a state machine. Records are appended, and only when they
// are committed replayed and the answer released. Owner: the shard that leads the partition. Not hot.
//
// State changes by replay alone, in log order, so a write that failed has changed nothing and there is nothing to undo,
// and a restart, which replays the same records in the same order, ends in the same state. Writes overlap: a request is
// judged by what is committed when it comes, and requests that need to know of writes under way wait for idle().

import { BrokenInvariant } from '../base/assert.ts';
import { ErrorCode } from '../base/error-code.ts';
import { forEachRecord } from '../record/record-iterator.ts';
import { coordinatorErrorOf } from './append-error.ts';
import type { CoordinatorRecord, PartitionReader, PartitionWriter } from './partition-log.ts';

/** What a runtime drives. */
export interface CoordinatorState {
  /** The only mutator of what is persisted. Key and value are valid only during the call. */
  replay(key: Uint8Array, value: Uint8Array | null): void;
}

export class CoordinatorRuntime {
  private readonly state: CoordinatorState;
  private readonly writer: PartitionWriter;
  /** Settles when every write so far has been replayed or refused; never rejects. */
  private tail: Promise<void> = Promise.resolve();
  /** Led no more: what comes back from the log is nobody's business here. */
  closed = false;

  constructor(state: CoordinatorState, writer: PartitionWriter) {
    this.state = state;
    this.writer = writer;
  }

  async load(reader: PartitionReader): Promise<void> {
    await reader.read((batchBytes) => {
      forEachRecord(batchBytes, (key, value) => {
        // A record without a key says nothing to a coordinator; the topic is compacted by key.
        if (key !== null) this.state.replay(key, value);
      });
    });
  }

  /** @returns NONE once the records are committed and replayed, else the error for the member */
  append(records: readonly CoordinatorRecord[]): Promise<number> {
    if (records.length === 0) return Promise.resolve(ErrorCode.NONE);
    const outcome = this.outcomeOf(records, this.tail);
    const through = (): void => undefined;
    this.tail = outcome.then(through, through);
    return outcome;
  }

  /** Resolves when the writes that were under way at the call are through. */
  idle(): Promise<void> {
    return this.tail;
  }

  /** Replays after every earlier write has been, however the log orders its answers. */
  private async outcomeOf(records: readonly CoordinatorRecord[], earlier: Promise<void>): Promise<number> {
    let errorCode: number = ErrorCode.NONE;
    try {
      await this.writer.append(records);
    } catch (reason) {
      if (reason instanceof BrokenInvariant) throw reason;
      errorCode = coordinatorErrorOf(reason);
    }
    await earlier;
    if (this.closed) return ErrorCode.NOT_COORDINATOR;
    if (errorCode === ErrorCode.NONE) for (const { key, value } of records) this.state.replay(key, value);
    return errorCode;
  }
}
