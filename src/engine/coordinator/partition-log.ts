// How a coordinator reaches its partition of an internal topic: append records, read everything from the start.
// Owner: the shard that leads the partition; implemented by engine/broker or a test. Not hot.

export interface CoordinatorRecord {
  readonly key: Uint8Array;
  /** Null is a tombstone. */
  readonly value: Uint8Array | null;
}

export interface PartitionWriter {
  /** Resolves when the records, one batch, are committed. @throws AppendRefused, or a bare Kafka error code */
  append(records: readonly CoordinatorRecord[]): Promise<void>;
}

export interface PartitionReader {
  /** Visits whole batches from the log start to the end, in order. The bytes are the visitor's only during the visit. */
  read(visit: (batchBytes: Uint8Array) => void): Promise<void>;
}

/** The log's answer to an append, as Produce would tell it. */
export class AppendRefused extends Error {
  override readonly name = 'AppendRefused';
  readonly errorCode: number;

  constructor(errorCode: number) {
    super(`append refused with error code ${errorCode}`);
    this.errorCode = errorCode;
  }
}
