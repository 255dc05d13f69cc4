// Both stores keep the contract of metadata-store.ts, and the local one keeps it across crashes.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HISTORY_MAX } from '../../../src/engine/metadata/key-space.ts';
import { LocalMetadataStore } from '../../../src/engine/metadata/local-metadata-store.ts';
import { MemoryFileSystem } from '../../../src/engine/io/memory-file-system.ts';
import { MemoryMetadataStore } from '../../../src/engine/metadata/memory-metadata-store.ts';
import { frameOf, scanFrames } from '../../../src/engine/metadata/metadata-frame.ts';
import { MetadataStoreFailed } from '../../../src/engine/metadata/metadata-store.ts';
import type { MetadataEvent, MetadataStore, Transaction } from '../../../src/engine/metadata/metadata-store.ts';

const DIRECTORY = '/data/ringlog-metadata';

function disk(): MemoryFileSystem {
  const fs = new MemoryFileSystem();
  fs.makeDirectory('/data');
  fs.syncDirectory('/');
  return fs;
}

/** Writes as much as there is room for, then fails. */
class FullDisk extends MemoryFileSystem {
  roomBytes = Infinity;

  override write(fd: number, from: Uint8Array, fromOffset: number, length: number, position: number): void {
    super.write(fd, from, fromOffset, Math.min(length, this.roomBytes), position);
    if (length > this.roomBytes) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
  }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array): string => new TextDecoder().decode(value);
const put = (key: string, value: string): Transaction => ({ compares: [], puts: [{ key, value: bytes(value) }], deletes: [] });

async function content(store: MetadataStore): Promise<Record<string, string>> {
  const { items } = await store.range('');
  return Object.fromEntries(items.map(({ key, value, modRevision }) => [key, `${text(value)}@${modRevision}`]));
}

describe.each([
  ['memory', (): MetadataStore => new MemoryMetadataStore()],
  ['local', (): MetadataStore => LocalMetadataStore.open(disk(), DIRECTORY)],
])('%s metadata store', (_, open) => {
  it('raises the revision with each change and remembers it by key', async () => {
    const store = open();
    expect(await store.transaction(put('a', '1'))).toEqual({ ok: true, revision: 1 });
    expect(await store.transaction(put('b', '2'))).toEqual({ ok: true, revision: 2 });
    expect(await store.transaction(put('a', '3'))).toEqual({ ok: true, revision: 3 });
    expect(await content(store)).toEqual({ a: '3@3', b: '2@2' });
    expect((await store.get('b'))?.modRevision).toBe(2);
    expect(await store.get('c')).toBeNull();
  });

  it('changes nothing when a compare does not hold', async () => {
    const store = open();
    await store.transaction(put('a', '1'));
    const both = { puts: [{ key: 'b', value: bytes('x') }], deletes: ['a'] };
    const refused = await store.transaction({
      compares: [
        { key: 'a', modRevision: 1 },
        { key: 'b', modRevision: 7 },
      ],
      ...both,
    });
    expect(refused).toEqual({ ok: false, revision: 1 });
    expect(await content(store)).toEqual({ a: '1@1' });
    const taken = await store.transaction({
      compares: [
        { key: 'a', modRevision: 1 },
        { key: 'b', modRevision: 0 },
      ],
      ...both,
    });
    expect(taken).toEqual({ ok: true, revision: 2 });
    expect(await content(store)).toEqual({ b: 'x@2' });
  });

  it('does not raise the revision for nothing', async () => {
    const store = open();
    expect(await store.transaction({ compares: [], puts: [], deletes: ['absent'] })).toEqual({ ok: true, revision: 0 });
  });

  it('refuses to touch a key twice in one transaction', async () => {
    const store = open();
    await expect(store.transaction({ compares: [], puts: [{ key: 'a', value: bytes('') }], deletes: ['a'] })).rejects.toThrow(
      'touches a key once',
    );
  });

  it('reads a prefix in order', async () => {
    const store = open();
    for (const key of ['b/2', 'a/1', 'b/1', 'c']) await store.transaction(put(key, key));
    expect((await store.range('b/')).items.map(({ key }) => key)).toEqual(['b/1', 'b/2']);
  });

  it('shows a watch past changes and new ones, once and in order', async () => {
    const store = open();
    for (const value of ['1', '2', '3']) await store.transaction(put('k', value));
    const seen: string[] = [];
    const watch = store.watch(2, {
      onChange: (revision, events) => seen.push(`${revision}:${events.map(eventText).join()}`),
      onCompacted: () => seen.push('compacted'),
    });
    await store.transaction({ compares: [], puts: [], deletes: ['k'] });
    watch.close();
    await store.transaction(put('k', '5'));
    expect(seen).toEqual(['2:k=2', '3:k=3', '4:k-']);
  });

  it('tells a watch that a listener opens each change once', async () => {
    const store = open();
    const seen: number[] = [];
    const inner = { onChange: (revision: number) => seen.push(revision), onCompacted: () => seen.push(-1) };
    const outer = store.watch(1, {
      onChange: (revision) => {
        outer.close();
        store.watch(revision, inner);
      },
      onCompacted: () => undefined,
    });
    await store.transaction(put('k', '1'));
    await store.transaction(put('k', '2'));
    expect(seen).toEqual([1, 2]);
  });

  it('tells a watch that starts in the future only what it asked for', async () => {
    const store = open();
    const seen: number[] = [];
    store.watch(2, { onChange: (revision) => seen.push(revision), onCompacted: () => seen.push(-1) });
    await store.transaction(put('k', '1'));
    await store.transaction(put('k', '2'));
    expect(seen).toEqual([2]);
  });

  it('writes nothing once closed', async () => {
    const store = open();
    await store.close();
    await expect(store.transaction(put('a', '1'))).rejects.toThrow(MetadataStoreFailed);
  });
});

function eventText(event: MetadataEvent): string {
  return event.kind === 'put' ? `${event.item.key}=${text(event.item.value)}` : `${event.key}-`;
}

it('tells a watch when the history it wants is gone', async () => {
  const store = new MemoryMetadataStore();
  for (let i = 0; i < HISTORY_MAX * 2; i++) await store.transaction(put('k', ''));
  let compacted = 0;
  store.watch(1, { onChange: () => expect.unreachable(), onCompacted: (revision) => void (compacted = revision) });
  expect(compacted).toBe(HISTORY_MAX);
  const seen: number[] = [];
  store.watch(compacted + 1, { onChange: (revision) => seen.push(revision), onCompacted: () => expect.unreachable() });
  expect(seen[0]).toBe(HISTORY_MAX + 1);
  expect(seen.length).toBe(HISTORY_MAX);
});

const keys = fc.constantFrom('a', 'b', 'topics/x', 'topics/y', 'nodes/1');
const transactions = fc.array(
  fc.record({
    puts: fc.dictionary(keys, fc.string({ maxLength: 40 }), { maxKeys: 4 }),
    deletes: fc.uniqueArray(keys, { maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 25 },
);

interface Draft {
  readonly puts: Record<string, string>;
  readonly deletes: readonly string[];
}

function transactionOf({ puts, deletes }: Draft): Transaction {
  return {
    compares: [],
    puts: Object.entries(puts).map(([key, value]) => ({ key, value: bytes(value) })),
    deletes: deletes.filter((key) => !(key in puts)),
  };
}

/** The map the store stands for. */
class Model {
  readonly items = new Map<string, string>();
  revision = 0;

  apply(transaction: Transaction): void {
    const gone = transaction.deletes.filter((key) => this.items.has(key));
    if (transaction.puts.length === 0 && gone.length === 0) return;
    this.revision++;
    for (const { key, value } of transaction.puts) this.items.set(key, `${text(value)}@${this.revision}`);
    for (const key of gone) this.items.delete(key);
  }

  content(): Record<string, string> {
    return Object.fromEntries(this.items);
  }
}

function logPath(fs: MemoryFileSystem): string {
  const logs = fs.list(DIRECTORY).filter((name) => name.endsWith('.log'));
  expect(logs.length).toBe(1);
  return `${DIRECTORY}/${logs[0]}`;
}

describe('local metadata store', () => {
  it('is the model map after a crash at every byte of the last record', async () => {
    await fc.assert(
      fc.asyncProperty(transactions, fc.constantFrom(1, 300, 1_000_000), async (drafts, compactionMinBytes) => {
        const fs = disk();
        const store = LocalMetadataStore.open(fs, DIRECTORY, compactionMinBytes);
        const model = new Model();
        for (const draft of drafts.slice(0, -1)) {
          await store.transaction(transactionOf(draft));
          model.apply(transactionOf(draft));
        }
        const beforeLast = model.content();
        // The last one must not compact: the crash is inside the log.
        fs.crash();
        const reopened = LocalMetadataStore.open(fs, DIRECTORY);
        expect(await content(reopened)).toEqual(beforeLast);
        const path = logPath(fs);
        const sizeBefore = fs.bytesOf(path).length;
        const last = transactionOf(drafts.at(-1)!);
        await reopened.transaction(last);
        model.apply(last);
        const whole = fs.bytesOf(path);
        for (let size = sizeBefore; size <= whole.length; size++) {
          const torn = fs.clone();
          torn.putFile(path, whole.slice(0, size));
          const after = LocalMetadataStore.open(torn, DIRECTORY);
          expect(await content(after)).toEqual(size === whole.length ? model.content() : beforeLast);
          expect(torn.bytesOf(path).length).toBe(size === whole.length ? whole.length : sizeBefore);
          // What was cut off is gone for good, and the log goes on.
          await after.transaction(put('next', 'n'));
          torn.crash();
          expect((await content(LocalMetadataStore.open(torn, DIRECTORY)))['next']).toBeDefined();
        }
      }),
      { numRuns: 30 },
    );
  });

  it('keeps every answered transaction when any disk operation of any transaction fails and the power goes', async () => {
    await fc.assert(
      fc.asyncProperty(transactions, fc.integer({ min: 1, max: 120 }), async (drafts, failAt) => {
        const fs = disk();
        const store = LocalMetadataStore.open(fs, DIRECTORY, 1);
        const model = new Model();
        let operations = 0;
        fs.fault = () => (++operations >= failAt ? 'EIO' : null);
        for (const draft of drafts) {
          try {
            await store.transaction(transactionOf(draft));
          } catch (error) {
            expect(error).toBeInstanceOf(MetadataStoreFailed);
            break;
          }
          model.apply(transactionOf(draft));
        }
        fs.fault = null;
        fs.crash();
        expect(await content(LocalMetadataStore.open(fs, DIRECTORY))).toEqual(model.content());
      }),
      { numRuns: 200 },
    );
  });

  it('is there after a power cut right after it was made', () => {
    const fs = disk();
    LocalMetadataStore.open(fs, DIRECTORY);
    fs.crash();
    expect(fs.isDirectory(DIRECTORY)).toBe(true);
  });

  it('takes back what a full disk had room for', async () => {
    const fs = new FullDisk();
    fs.makeDirectory('/data');
    const store = LocalMetadataStore.open(fs, DIRECTORY);
    await store.transaction(put('a', '1'));
    const sizeBefore = fs.bytesOf(logPath(fs)).length;
    fs.roomBytes = 20;
    await expect(store.transaction(put('a', 'x'.repeat(100)))).rejects.toThrow(MetadataStoreFailed);
    expect(fs.bytesOf(logPath(fs)).length).toBe(sizeBefore);
  });

  it('goes on when the disk was full for one transaction', async () => {
    const fs = disk();
    const store = LocalMetadataStore.open(fs, DIRECTORY);
    await store.transaction(put('a', '1'));
    fs.fault = (operation) => (operation === 'write' ? 'ENOSPC' : null);
    await expect(store.transaction(put('a', '2'))).rejects.toThrow(MetadataStoreFailed);
    fs.fault = null;
    expect(await store.transaction(put('b', '3'))).toEqual({ ok: true, revision: 2 });
    fs.crash();
    expect(await content(LocalMetadataStore.open(fs, DIRECTORY))).toEqual({ a: '1@1', b: '3@2' });
  });

  it('stays closed after a failed fsync', async () => {
    const fs = disk();
    const store = LocalMetadataStore.open(fs, DIRECTORY);
    fs.fault = (operation) => (operation === 'fdatasync' ? 'EIO' : null);
    await expect(store.transaction(put('a', '1'))).rejects.toThrow(MetadataStoreFailed);
    fs.fault = null;
    await expect(store.transaction(put('a', '1'))).rejects.toThrow(MetadataStoreFailed);
    expect(await store.get('a')).toBeNull();
    await store.close();
    expect(fs.openCount).toBe(0);
  });

  it('keeps the log short by snapshots', async () => {
    const fs = disk();
    const store = LocalMetadataStore.open(fs, DIRECTORY, 2_000);
    for (let i = 0; i < 1_000; i++) await store.transaction(put(`k${i % 5}`, String(i)));
    const sizes = fs.list(DIRECTORY).map((name) => fs.bytesOf(`${DIRECTORY}/${name}`).length);
    expect(fs.list(DIRECTORY).length).toBe(2);
    expect(sizes.every((size) => size < 4_000)).toBe(true);
    fs.crash();
    const after = LocalMetadataStore.open(fs, DIRECTORY, 2_000);
    expect(await content(after)).toEqual({ k0: '995@996', k1: '996@997', k2: '997@998', k3: '998@999', k4: '999@1000' });
  });

  it('refuses to start on damage before the end', async () => {
    const fs = disk();
    const store = LocalMetadataStore.open(fs, DIRECTORY);
    for (const value of ['one', 'two', 'three']) await store.transaction(put(value, value));
    const path = logPath(fs);
    const whole = fs.bytesOf(path);
    // Each byte of the first two records, the length included.
    const third = whole.length - frameOf(scanFrames(whole).payloads[2]!).length;
    for (let at = 0; at < third; at++) {
      const damaged = fs.clone();
      const flipped = whole.slice();
      flipped[at]! ^= 0x10;
      damaged.putFile(path, flipped);
      expect(() => LocalMetadataStore.open(damaged, DIRECTORY)).toThrow('is damaged at byte');
    }
  });

  it('refuses a snapshot that is damaged', async () => {
    const fs = disk();
    const store = LocalMetadataStore.open(fs, DIRECTORY, 1);
    await store.transaction(put('a', '1'));
    const path = `${DIRECTORY}/${fs.list(DIRECTORY).find((name) => name.endsWith('.snapshot'))}`;
    const flipped = fs.bytesOf(path);
    flipped[20]! ^= 1;
    fs.putFile(path, flipped);
    expect(() => LocalMetadataStore.open(fs, DIRECTORY)).toThrow('is damaged');
  });

  it('reads the same from any moment of a compaction', async () => {
    const fs = disk();
    const store = LocalMetadataStore.open(fs, DIRECTORY);
    await store.transaction(put('a', '1'));
    await store.transaction(put('b', '2'));
    const log = fs.bytesOf(logPath(fs));
    const compacted = fs.clone();
    await LocalMetadataStore.open(compacted, DIRECTORY, 1).transaction(put('c', '3'));
    const snapshotName = compacted.list(DIRECTORY).find((name) => name.endsWith('.snapshot'))!;
    // The log before the compaction is back, as after a power cut that came before its removal was durable.
    const both = compacted.clone();
    const longLog = fs.clone();
    const longStore = LocalMetadataStore.open(longLog, DIRECTORY);
    await longStore.transaction(put('c', '3'));
    both.putFile(logPath(fs), longLog.bytesOf(logPath(longLog)));
    const expected = { a: '1@1', b: '2@2', c: '3@3' };
    expect(await content(LocalMetadataStore.open(both, DIRECTORY))).toEqual(expected);
    // Only the unfinished snapshot.
    longLog.putFile(`${DIRECTORY}/${snapshotName}.tmp`, log.slice(0, 30));
    expect(await content(LocalMetadataStore.open(longLog, DIRECTORY))).toEqual(expected);
    expect(longLog.list(DIRECTORY).some((name) => name.endsWith('.tmp'))).toBe(false);
  });
});
