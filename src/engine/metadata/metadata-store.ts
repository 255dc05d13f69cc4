// Where metadata is kept: keys with revisions, compared and changed in transactions. One writer decides, many may watch.
// Owner: the controller's thread (main). Not hot.
//
// The contract is the part of etcd v3 that Ringlog needs, so that an etcd client can stand behind it:
// - every committed transaction that changes something raises the store's revision by one;
// - a key remembers the revision that last changed it; a compare holds when it is the one expected (0: key absent);
// - a transaction applies all of its changes or none, and touches a key at most once;
// - ok means durable: an answer that was given survives a crash (of the machine, for the local store);
// - a watch sees every change after a revision once, in order; history before the last compaction is not kept.
//
// Leases are not here. On one node nobody else can die, so nothing would use them. With several nodes a lease is granted
// for a time to live, kept alive by its owner and attached to puts; its end deletes their keys as an ordinary
// transaction, seen by watches. That adds `lease?: number` to Put, and grant and keepAlive here, and changes no reader.

export interface KeyValue {
  readonly key: string;
  readonly value: Uint8Array;
  /** Revision of the transaction that last put it. */
  readonly modRevision: number;
}

interface Compare {
  readonly key: string;
  /** 0: the key must not exist. */
  readonly modRevision: number;
}

export interface Put {
  readonly key: string;
  readonly value: Uint8Array;
}

export interface Transaction {
  readonly compares: readonly Compare[];
  readonly puts: readonly Put[];
  /** Keys; absent ones are no error. */
  readonly deletes: readonly string[];
}

export interface TransactionResult {
  /** False: a compare did not hold and nothing changed. */
  readonly ok: boolean;
  /** The store's revision afterwards. */
  readonly revision: number;
}

export interface RangeResult {
  /** The revision the items are read at. */
  readonly revision: number;
  /** By key, in order of code units. */
  readonly items: readonly KeyValue[];
}

export type MetadataEvent =
  | { readonly kind: 'put'; readonly item: KeyValue }
  | { readonly kind: 'delete'; readonly key: string; readonly modRevision: number };

export interface WatchListener {
  /** All changes of one transaction. */
  onChange(revision: number, events: readonly MetadataEvent[]): void;
  /** History from the asked revision is gone: read the range again and watch from its revision + 1. */
  onCompacted(compactedRevision: number): void;
}

export interface Watch {
  close(): void;
}

export interface MetadataStore {
  get(key: string): Promise<KeyValue | null>;
  range(prefix: string): Promise<RangeResult>;
  /** Rejects with MetadataStoreFailed when the change may not be durable. */
  transaction(transaction: Transaction): Promise<TransactionResult>;
  /** Changes with revision >= fromRevision, past ones first. */
  watch(fromRevision: number, listener: WatchListener): Watch;
  close(): Promise<void>;
}

/** The medium refused. After a failed fsync nothing can be known about the last change, so the store stays closed. */
export class MetadataStoreFailed extends Error {
  override readonly name = 'MetadataStoreFailed';
}
