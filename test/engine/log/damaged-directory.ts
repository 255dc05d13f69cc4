// Every way we could think of in which a partition's directory may be found at a start, made from one healthy directory.

import type { MemoryFileSystem } from '../../../src/engine/io/memory-file-system.ts';
import { CACHE_NOTE, DISK_NOTE } from '../../../src/engine/log/recovery-note.ts';
import { encodeBatch, type BatchSpec } from '../../support/batch-bytes.ts';
import { FakeTickRing } from '../../support/fake-tick-ring.ts';
import { batch, DIR, LogBench, NOW } from './log-bench.ts';

export const CONFIG = { segmentBytes: 3000, indexIntervalBytes: 100 };
const SESSION = 'boot 1';

/** How the last run ended. */
export type Ending = 'clean' | 'killed' | 'power';

export interface Stored {
  readonly baseOffset: number;
  readonly endOffset: number;
  readonly bytes: Uint8Array;
}

/** A directory, and what is in it. */
export interface Directory {
  readonly fs: MemoryFileSystem;
  readonly recoveryPoint: number;
  readonly batches: readonly Stored[];
}

/** What recovery has to come to. */
export interface Expected {
  /** Batches that are gone from the end. */
  readonly lost?: number;
  /** The start is refused, and the message says what to do. */
  readonly refused?: RegExp;
  /** An empty log, and the old directory under another name. */
  readonly movedAside?: true;
  /** Files that stay and are told of. */
  readonly strays?: readonly string[];
  /** Offsets that were on the disk are not there. */
  readonly missing?: true;
  /** Offsets in the middle that are not there: acked ones are damage, others were never flushed. */
  readonly hole?: { readonly startOffset: number; readonly endOffset: number; readonly acked: boolean };
}

export interface Damage {
  readonly name: string;
  readonly endings: readonly Ending[];
  readonly expected: Expected;
  /** Harm the copy it is given; may put another recovery point in place. */
  readonly harm: (fs: MemoryFileSystem) => void;
  readonly recoveryPoint?: number;
}

const ALL: readonly Ending[] = ['clean', 'killed', 'power'];
const CRASHED: readonly Ending[] = ['killed', 'power'];
const BATCHES = 60;

/** Four segments, notes in all of them, a checkpoint in the last but one batch's reach; then the end. */
export function healthy(ending: Ending): Directory {
  const bench = new LogBench(CONFIG);
  bench.table.noteStepBytes = 500;
  const log = bench.open({ leaderEpoch: 3, session: SESSION });
  bench.fs.syncDirectory('/data');
  const batches: Stored[] = [];
  let recoveryPoint = 0;
  for (let i = 0; i < BATCHES; i++) {
    if (i === 40) log.leaderEpoch = 4;
    const spec: BatchSpec = { ...batch(2, 40, NOW + i), producerId: 5, producerEpoch: 0, baseSequence: i * 2 };
    const baseOffset = bench.append(log, spec);
    const bytes = encodeBatch({ ...spec, baseOffset, leaderEpoch: log.leaderEpoch });
    batches.push({ baseOffset, endOffset: baseOffset + 2, bytes });
    if (i === BATCHES - 4) bench.table.requireDurable(log);
    bench.settle();
    if (i === BATCHES - 4) recoveryPoint = bench.checkpoint();
  }
  if (ending === 'clean') {
    bench.table.close(log);
    recoveryPoint = log.durableOffset;
  }
  bench.fs.kill();
  return { fs: bench.fs, recoveryPoint, batches };
}

export function openDirectory({ fs, recoveryPoint }: Pick<Directory, 'fs' | 'recoveryPoint'>, ending: Ending) {
  const bench = new LogBench(CONFIG, fs, new FakeTickRing(fs, 512 * 1024));
  const session = ending === 'power' ? 'boot 2' : SESSION;
  return { bench, log: bench.open({ clean: ending === 'clean', session, recoveryPoint, leaderEpoch: 4 }) };
}

export const DAMAGES: Readonly<Record<string, () => Generator<Damage>>> = {
  'a torn tail': tornTails,
  'index files': indexes,
  'the checkpoint': checkpoints,
  'copies of segments': duplicates,
  'empty segments': emptySegments,
  'small files': smallFiles,
  'recovery notes': notes,
  'holes before what is whole': holes,
};

function namesOf(fs: MemoryFileSystem, suffix: string): string[] {
  return fs
    .list(DIR)
    .filter((name) => name.endsWith(suffix))
    .sort();
}

function activeOf(fs: MemoryFileSystem): string {
  return `${DIR}/${namesOf(fs, '.log').at(-1)!}`;
}

function rewrite(fs: MemoryFileSystem, path: string, change: (bytes: Uint8Array) => Uint8Array): void {
  fs.putFile(path, change(fs.bytesOf(path)));
}

const rubbish = (byte: number, at: number): number => (byte * 31 + at * 7 + 1) & 0xff;

function* tornTails(): Generator<Damage> {
  const whole = healthy('power').batches.at(-1)!.bytes;
  const last = whole.length;
  const tears: [string, (tail: Uint8Array, keep: number) => Uint8Array][] = [
    ['cut off', (tail, keep) => tail.slice(0, keep)],
    ['zeros', (tail, keep) => tail.fill(0, keep)],
    ['rubbish', (tail, keep) => tail.map((byte, at) => (at < keep ? byte : rubbish(byte, at)))],
  ];
  for (const [name, tear] of tears) {
    for (let keep = 0; keep < last; keep++) {
      // Nothing is changed where zeros were.
      if (Buffer.compare(tear(whole.slice(), keep), whole) === 0) continue;
      // The high bytes of the offset, and the leader epoch, are not covered by the checksum: rubbish there alone is not seen.
      if (name === 'rubbish' && keep === 0) continue;
      const harm = (fs: MemoryFileSystem): void =>
        rewrite(fs, activeOf(fs), (bytes) => {
          const at = bytes.length - last;
          return new Uint8Array([...bytes.slice(0, at), ...tear(bytes.slice(at), keep)]);
        });
      yield { name: `last batch: ${name} from byte ${keep}`, endings: CRASHED, expected: { lost: 1 }, harm };
    }
  }
  yield {
    name: 'last batch: cut after a clean stop',
    endings: ['clean'],
    expected: { lost: 1, missing: true },
    harm: (fs) => rewrite(fs, activeOf(fs), (bytes) => bytes.slice(0, -1)),
  };
}

function* indexes(): Generator<Damage> {
  const changes: [string, (bytes: Uint8Array, at: number) => Uint8Array][] = [
    ['cut', (bytes, at) => bytes.slice(0, at)],
    ['zeros from', (bytes, at) => bytes.fill(0, at)],
    ['64 zeros', (bytes, at) => bytes.fill(0, at, at + 64)],
    ['64 bytes of rubbish', (bytes, at) => bytes.map((byte, i) => (i >= at && i < at + 64 ? rubbish(byte, i) : byte))],
  ];
  for (const ending of ALL) {
    const { fs } = healthy(ending);
    for (const name of [...namesOf(fs, '.index'), ...namesOf(fs, '.timeindex')]) {
      const path = `${DIR}/${name}`;
      for (const [what, change] of changes) {
        for (let at = 0; at < fs.bytesOf(path).length; at += 64) {
          const harm = (copy: MemoryFileSystem): void => rewrite(copy, path, (bytes) => change(bytes, at));
          yield { name: `${name}: ${what} at ${at}`, endings: [ending], expected: {}, harm };
        }
      }
      yield { name: `${name} is missing`, endings: [ending], expected: {}, harm: (copy) => copy.remove(path) };
    }
    const removeAll = (copy: MemoryFileSystem): void => {
      for (const name of [...namesOf(copy, '.index'), ...namesOf(copy, '.timeindex')]) copy.remove(`${DIR}/${name}`);
    };
    yield { name: 'all indexes are missing', endings: [ending], expected: {}, harm: removeAll };
  }
}

function* checkpoints(): Generator<Damage> {
  yield { name: 'no checkpoint', endings: ALL, expected: {}, harm: () => undefined, recoveryPoint: 0 };
  yield { name: 'a checkpoint from the future', endings: CRASHED, expected: { missing: true }, harm: () => undefined, recoveryPoint: 5000 };
  yield {
    name: 'a checkpoint from the future, after a clean stop',
    endings: ['clean'],
    expected: {},
    harm: () => undefined,
    recoveryPoint: 5000,
  };
}

function* duplicates(): Generator<Damage> {
  const copyActive = (fs: MemoryFileSystem, name: string): void => fs.putFile(`${DIR}/${name}`, fs.bytesOf(activeOf(fs)));
  for (const stray of ['0.log', '000000000000000000000.log', 'copy of 00000000000000000000.log', '-0000000000000000001.log']) {
    yield { name: `a copy called ${stray}`, endings: ALL, expected: { strays: [stray] }, harm: (fs) => copyActive(fs, stray) };
  }
  for (const suffix of ['.cleaned', '.deleted', '.tmp', '.bak']) {
    const harm = (fs: MemoryFileSystem): void => copyActive(fs, activeOf(fs).slice(DIR.length + 1) + suffix);
    yield { name: `a copy with ${suffix}`, endings: ALL, expected: {}, harm };
  }
  // The second half of the last segment once more, under the name that its first batch gives it.
  const overlap = (fs: MemoryFileSystem): void => {
    const bytes = fs.bytesOf(activeOf(fs));
    const size = healthy('power').batches[0]!.bytes.length;
    const half = Math.floor(bytes.length / size / 2) * size;
    const offset = new DataView(bytes.buffer).getInt32(half + 4);
    fs.putFile(`${DIR}/${offset.toString().padStart(20, '0')}.log`, bytes.slice(half));
  };
  yield {
    name: 'two segments with the same offsets',
    endings: ALL,
    expected: { refused: /both hold offset \d+.*start again/ },
    harm: overlap,
  };
}

function* emptySegments(): Generator<Damage> {
  const put = (fs: MemoryFileSystem, offset: number): void =>
    fs.putFile(`${DIR}/${offset.toString().padStart(20, '0')}.log`, new Uint8Array(0));
  yield { name: 'an empty segment behind the end', endings: ALL, expected: {}, harm: (fs) => put(fs, BATCHES * 2) };
  yield { name: 'an empty segment beyond the end', endings: CRASHED, expected: {}, harm: (fs) => put(fs, BATCHES * 2 + 10) };
  yield {
    name: 'an empty segment behind a torn one',
    endings: CRASHED,
    expected: { lost: 1 },
    harm: (fs) => {
      rewrite(fs, activeOf(fs), (bytes) => bytes.slice(0, -1));
      put(fs, BATCHES * 2);
    },
  };
}

function* smallFiles(): Generator<Damage> {
  const contents: [string, (bytes: Uint8Array) => Uint8Array | null][] = [
    ['is missing', () => null],
    ['is empty', () => new Uint8Array(0)],
    ['is rubbish', (bytes) => bytes.map(rubbish)],
    ['is half there', (bytes) => bytes.slice(0, bytes.length >> 1)],
    ['is zeros', (bytes) => bytes.fill(0)],
  ];
  for (const ending of ALL) {
    const { fs } = healthy(ending);
    const names = ['leader-epoch-checkpoint', 'partition.metadata', ...namesOf(fs, '.snapshot')].filter((name) =>
      fs.exists(`${DIR}/${name}`),
    );
    for (const name of names) {
      for (const [what, change] of contents) {
        const harm = (copy: MemoryFileSystem): void => {
          const bytes = change(copy.bytesOf(`${DIR}/${name}`));
          if (bytes === null) copy.remove(`${DIR}/${name}`);
          else copy.putFile(`${DIR}/${name}`, bytes);
        };
        yield { name: `${name} ${what}`, endings: [ending], expected: {}, harm };
      }
    }
  }
  for (const stray of ['notes.txt', '.DS_Store', 'lost+found', '00000000000000000000.log.gz', '12.index', 'leader-epoch-checkpoint.tmp']) {
    const harm = (fs: MemoryFileSystem): void => fs.putFile(`${DIR}/${stray}`, new Uint8Array(10));
    yield { name: `a stray ${stray}`, endings: ALL, expected: {}, harm };
  }
  yield {
    name: 'a directory of another topic of that name',
    endings: ALL,
    expected: { movedAside: true },
    harm: (fs) =>
      rewrite(fs, `${DIR}/partition.metadata`, () => new TextEncoder().encode('version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ\n')),
  };
}

function* notes(): Generator<Damage> {
  for (const ending of ALL) {
    const { fs } = healthy(ending);
    for (const name of [CACHE_NOTE, DISK_NOTE].filter((note) => fs.exists(`${DIR}/${note}`))) {
      const path = `${DIR}/${name}`;
      const bytes = fs.bytesOf(path);
      for (let at = 0; at < bytes.length; at += 13) {
        const flip = (copy: MemoryFileSystem): void => rewrite(copy, path, (all) => all.map((byte, i) => (i === at ? byte ^ 0x41 : byte)));
        const cut = (copy: MemoryFileSystem): void => rewrite(copy, path, (all) => all.slice(0, at));
        yield { name: `${name}: byte ${at} is another`, endings: [ending], expected: {}, harm: flip };
        yield { name: `${name}: cut at ${at}`, endings: [ending], expected: {}, harm: cut };
      }
      yield { name: `${name} is missing`, endings: [ending], expected: {}, harm: (copy) => copy.remove(path) };
    }
    const older = (copy: MemoryFileSystem): void => {
      const other = healthy('power').fs;
      copy.putFile(`${DIR}/${DISK_NOTE}`, other.bytesOf(`${DIR}/${DISK_NOTE}`));
    };
    yield { name: 'an older disk note', endings: [ending], expected: {}, harm: older };
  }
}

/** The batches `from` to `to` of a segment that is not the last, as a power cut leaves out what was not flushed. */
function* holes(): Generator<Damage> {
  const { fs, batches } = healthy('power');
  const size = batches[0]!.bytes.length;
  const bases = namesOf(fs, '.log').map((name) => Number(name.slice(0, 20)));
  const [base, next] = [bases.at(-2)!, bases.at(-1)!];
  const count = (next - base) / 2;
  const shapes: [string, (bytes: Uint8Array, from: number, to: number) => Uint8Array, boolean][] = [
    ['zeros', (bytes, from, to) => bytes.fill(0, from * size, to * size), false],
    ['a file cut off', (bytes, from) => bytes.slice(0, from * size), true],
    ['a file cut off in a batch', (bytes, from) => bytes.slice(0, from * size + 70), true],
  ];
  for (const [name, shape, toTheEnd] of shapes) {
    for (let from = 0; from < count; from++) {
      for (let to = toTheEnd ? count : from + 1; to <= count; to++) {
        const startOffset = base + from * 2;
        for (const recoveryPoint of [base, startOffset, startOffset + 2].filter((point) => point < next)) {
          yield {
            name: `${name} in place of batches ${from} to ${to} of ${count}, flushed up to ${recoveryPoint - base}`,
            endings: ['power'],
            recoveryPoint,
            expected: { hole: { startOffset, endOffset: base + to * 2, acked: startOffset < recoveryPoint } },
            harm: (copy) => {
              for (const note of [CACHE_NOTE, DISK_NOTE]) copy.remove(`${DIR}/${note}`);
              rewrite(copy, `${DIR}/${String(base).padStart(20, '0')}.log`, (bytes) => shape(bytes, from, to));
            },
          };
        }
      }
    }
  }
}
