// Metadata of a single process, on its own disk. Owner: the controller's thread (main). Not hot: a change costs an fsync.
//
//   <log directory>/ringlog-metadata/
//     00000000000000000042.snapshot   all keys as of revision 42
//     00000000000000000043.log        one frame a transaction, from revision 43 on
//
// A transaction is answered when its frame is on the disk. At start the newest snapshot is read and the log behind it is
// replayed; a torn last frame was never answered and is cut off. Damage before the end stops the start: metadata that is
// half there would delete topics. When the log has outgrown the state, a snapshot is written aside and renamed into place,
// a new log begins, and the old files go; a crash between any two of these steps leaves a state that reads the same.

import { KeySpace } from './key-space.ts';
import { errnoOf, forgiveDisk, isPassing } from '../io/disk-error.ts';
import { MetadataStoreFailed } from './metadata-store.ts';
import { assert } from '../base/assert.ts';
import { frameOf, scanFrames } from './metadata-frame.ts';
import { packRecord, unpackRecord } from './metadata-records.ts';
import type { FileSystem } from '../io/file-system.ts';
import type { KeyValue, MetadataStore, Put, RangeResult, Transaction, TransactionResult, Watch, WatchListener } from './metadata-store.ts';

/** A log below this is never worth a snapshot. */
const COMPACTION_MIN_BYTES = 1024 * 1024;
const NAME_DIGITS = 20;

interface LogRecord {
  readonly revision: number;
  readonly puts: readonly Put[];
  readonly deletes: readonly string[];
}

interface SnapshotRecord {
  readonly revision: number;
  readonly items: readonly KeyValue[];
}

/** An open log file. */
interface OpenLog {
  readonly fd: number;
  sizeBytes: number;
}

export class LocalMetadataStore implements MetadataStore {
  /** Called once, when nothing can be written any more. */
  onFailed: (failure: MetadataStoreFailed) => void = () => undefined;
  private readonly fs: FileSystem;
  private readonly directory: string;
  private readonly compactionMinBytes: number;
  private readonly keys: KeySpace;
  private log: OpenLog;
  private snapshotBytes: number;
  /** Why nothing can be written any more. */
  private failure: MetadataStoreFailed | null = null;

  private constructor(fs: FileSystem, directory: string, compactionMinBytes: number) {
    this.fs = fs;
    this.directory = directory;
    this.compactionMinBytes = compactionMinBytes;
    const snapshot = this.readSnapshot();
    this.snapshotBytes = snapshot.sizeBytes;
    this.keys = new KeySpace(snapshot.record.revision, snapshot.record.items);
    this.log = this.replay() ?? this.startLog(this.keys.revision + 1);
    this.removeLeftovers(snapshot.record.revision);
  }

  /** `directory` is the store's own. @throws MetadataStoreFailed when what is there cannot be read. */
  static open(fs: FileSystem, directory: string, compactionMinBytes: number = COMPACTION_MIN_BYTES): LocalMetadataStore {
    if (!fs.isDirectory(directory)) {
      fs.makeDirectory(directory);
      fs.syncDirectory(directory.slice(0, directory.lastIndexOf('/')) || '.');
    }
    return new LocalMetadataStore(fs, directory, compactionMinBytes);
  }

  async get(key: string): Promise<KeyValue | null> {
    return this.keys.get(key);
  }

  async range(prefix: string): Promise<RangeResult> {
    return this.keys.range(prefix);
  }

  async transaction(transaction: Transaction): Promise<TransactionResult> {
    if (this.failure !== null) throw this.failure;
    if (!this.keys.holds(transaction)) return { ok: false, revision: this.keys.revision };
    if (this.keys.changes(transaction)) {
      const { puts, deletes } = transaction;
      const record: LogRecord = { revision: this.keys.revision + 1, puts, deletes };
      this.append(frameOf(packRecord(record)));
      this.keys.apply(record, record.revision);
      this.compactIfGrown();
    }
    return { ok: true, revision: this.keys.revision };
  }

  watch(fromRevision: number, listener: WatchListener): Watch {
    return this.keys.watch(fromRevision, listener);
  }

  async close(): Promise<void> {
    if (this.failure === null) this.fs.close(this.log.fd);
    this.failure ??= new MetadataStoreFailed('the metadata store is closed');
  }

  private append(frame: Uint8Array): void {
    const { fd, sizeBytes } = this.log;
    try {
      this.fs.write(fd, frame, 0, frame.length, sizeBytes);
    } catch (cause) {
      // A full disk is no reason to stop for good: what was written of the frame is taken back.
      if (!isPassing(errnoOf(cause))) throw this.fail(cause);
      this.takeBack(fd, sizeBytes);
      throw new MetadataStoreFailed('metadata could not be written', { cause });
    }
    this.sync(fd);
    this.log.sizeBytes = sizeBytes + frame.length;
  }

  private takeBack(fd: number, sizeBytes: number): void {
    try {
      this.fs.truncate(fd, sizeBytes);
    } catch (cause) {
      this.fail(cause);
    }
  }

  private sync(fd: number): void {
    try {
      this.fs.fdatasync(fd);
    } catch (cause) {
      throw this.fail(cause);
    }
  }

  private fail(cause: unknown): MetadataStoreFailed {
    this.failure = new MetadataStoreFailed('the metadata log may not be durable; restart to read what the disk has', { cause });
    this.fs.close(this.log.fd);
    this.onFailed(this.failure);
    return this.failure;
  }

  private compactIfGrown(): void {
    if (this.log.sizeBytes < Math.max(this.compactionMinBytes, 2 * this.snapshotBytes)) return;
    const before = this.log;
    try {
      this.snapshotBytes = this.writeSnapshot();
      this.log = this.startLog(this.keys.revision + 1);
    } catch (error) {
      // The transaction that grew the log is durable in it, and more may follow there; a later one tries again.
      forgiveDisk(error);
      return;
    }
    this.fs.close(before.fd);
    for (const first of this.revisionsOf('log')) {
      if (first <= this.keys.revision) this.fs.remove(this.path(first, 'log'));
    }
    this.removeLeftovers(this.keys.revision);
  }

  private writeSnapshot(): number {
    const { revision, items } = this.keys.range('');
    const record: SnapshotRecord = { revision, items };
    const frame = frameOf(packRecord(record));
    const path = this.path(revision, 'snapshot');
    const fd = this.fs.open(`${path}.tmp`, 'w');
    try {
      this.fs.write(fd, frame, 0, frame.length, 0);
      this.fs.fdatasync(fd);
    } finally {
      this.fs.close(fd);
    }
    // Its name becomes durable with the name of the log that follows it, before anything older goes.
    this.fs.rename(`${path}.tmp`, path);
    return frame.length;
  }

  private startLog(firstRevision: number): OpenLog {
    const fd = this.fs.open(this.path(firstRevision, 'log'), 'w+');
    try {
      this.fs.syncDirectory(this.directory);
    } catch (cause) {
      this.fs.close(fd);
      throw cause;
    }
    return { fd, sizeBytes: 0 };
  }

  private readSnapshot(): { record: SnapshotRecord; sizeBytes: number } {
    const newest = this.revisionsOf('snapshot').at(-1);
    if (newest === undefined) return { record: { revision: 0, items: [] }, sizeBytes: 0 };
    const path = this.path(newest, 'snapshot');
    const bytes = this.readFile(path);
    const [payload] = scanFrames(bytes).payloads;
    if (payload === undefined) throw new MetadataStoreFailed(`metadata snapshot ${path} is damaged`);
    return { record: unpackRecord<SnapshotRecord>(payload), sizeBytes: bytes.length };
  }

  /** Replays the logs behind the snapshot; the last one stays open. Null when there is none. */
  private replay(): OpenLog | null {
    const snapshotRevision = this.keys.revision;
    // An empty log is one that a compaction had just begun, or did not get to use.
    const logs = this.revisionsOf('log').map((first) => ({ path: this.path(first, 'log'), bytes: this.readFile(this.path(first, 'log')) }));
    const used = logs.filter(({ bytes }) => bytes.length > 0);
    for (const { path } of logs.filter(({ bytes }) => bytes.length === 0)) this.fs.remove(path);
    let last: OpenLog | null = null;
    for (const [i, { path, bytes }] of used.entries()) {
      const isLast = i === used.length - 1;
      const { payloads, endBytes, strandedAt } = scanFrames(bytes);
      if (strandedAt !== null || (endBytes < bytes.length && !isLast)) {
        throw new MetadataStoreFailed(`metadata log ${path} is damaged at byte ${endBytes}`);
      }
      const records = payloads.map((payload) => unpackRecord<LogRecord>(payload));
      for (const record of records) this.replayRecord(record, path);
      if (isLast) last = this.openAt(path, endBytes, bytes.length);
      else if (records.every(({ revision }) => revision <= snapshotRevision)) this.fs.remove(path);
    }
    return last;
  }

  private replayRecord(record: LogRecord, path: string): void {
    // A log that the snapshot covers is still there when a crash came before its removal.
    if (record.revision <= this.keys.revision) return;
    if (record.revision !== this.keys.revision + 1) {
      throw new MetadataStoreFailed(`metadata log ${path} goes from revision ${this.keys.revision} to ${record.revision}`);
    }
    this.keys.apply(record, record.revision);
  }

  private openAt(path: string, endBytes: number, sizeBytes: number): OpenLog {
    const fd = this.fs.open(path, 'r+');
    if (endBytes < sizeBytes) this.fs.truncate(fd, endBytes);
    // After kill -9 what was replayed may be in the page cache only, and it is about to be acted on.
    this.fs.fdatasync(fd);
    return { fd, sizeBytes: endBytes };
  }

  /** Snapshots before the one of `revision`, and files that were not finished. */
  private removeLeftovers(revision: number): void {
    for (const older of this.revisionsOf('snapshot')) {
      if (older < revision) this.fs.remove(this.path(older, 'snapshot'));
    }
    for (const name of this.fs.list(this.directory)) {
      if (name.endsWith('.tmp')) this.fs.remove(`${this.directory}/${name}`);
    }
  }

  private revisionsOf(kind: 'log' | 'snapshot'): number[] {
    const names = this.fs.list(this.directory).filter((name) => name.length === NAME_DIGITS + 1 + kind.length && name.endsWith(`.${kind}`));
    return names.map((name) => Number.parseInt(name, 10)).toSorted((a, b) => a - b);
  }

  private path(revision: number, kind: 'log' | 'snapshot'): string {
    return `${this.directory}/${String(revision).padStart(NAME_DIGITS, '0')}.${kind}`;
  }

  private readFile(path: string): Uint8Array {
    const fd = this.fs.open(path, 'r');
    try {
      const bytes = new Uint8Array(this.fs.size(fd));
      const read = this.fs.read(fd, bytes, 0, bytes.length, 0);
      assert(read === bytes.length, 'a metadata file is read whole', path, read, bytes.length);
      return bytes;
    } finally {
      this.fs.close(fd);
    }
  }
}
