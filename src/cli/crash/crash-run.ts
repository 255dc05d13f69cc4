// Crashes under load, again and again on one data directory, and the verdict: producers of every acks level, a group that
// commits, a consumer that reads along. Owner: the main thread. Not hot.
//
// A crash is kill -9, or a power cut where a PowerCutDisk is given; topics are of each storage mode that is named. After each the broker starts again on what is left,
// must have every acked record and commit, and the load must get through; at the end every record is read and judged.

import { ErrorCode } from '../../engine/base/error-code.ts';
import type { ChildBroker } from './child-broker.ts';
import { CommitLoad } from './commit-load.ts';
import { createTopic, endOffset, pause, topicError } from './leader-connection.ts';
import { valueOf } from './ledger.ts';
import { checkPartition } from './partition-checker.ts';
import type { PowerCutDisk } from './power-cut-disk.ts';
import { type Acks, ProducerLoad } from './producer-load.ts';
import { TailReader } from './tail-reader.ts';

const PARTITIONS = 3;
const IN_FLIGHT = 5;
/** A round ends after between 1 and this many acked records. */
const ACKS_MAX = 2000;
const STEP_LIMIT_MS = 60_000;
/** For all records of a long run. */
const FINISH_LIMIT_MS = 300_000;
const POLL_MS = 5;
/** What a cut in a calm is to find not flushed, and how long it is waited for. */
const VOLATILE_BLOCKS = 64;
const CALM_LIMIT_MS = 20_000;
/** How much of what was not flushed survives a cut: nothing, a part, nearly everything. */
const KEEPS = [0, 0.1, 0.5, 0.9];
const ACKS: readonly Acks[] = [-1, 1, 0];
/** Small segments, so that crashes meet rolls. */
const STORAGES = {
  'page-cache': { 'ringlog.storage': 'page-cache', 'segment.bytes': String(1 << 20) },
  managed: { 'ringlog.storage': 'managed', 'segment.bytes': String(1 << 20) },
  /** And under retention, so that segments begin in the files of deleted ones; the broker must take segments so small. */
  recycled: { 'ringlog.storage': 'managed', 'segment.bytes': '50000', 'retention.bytes': '200000', 'file.delete.delay.ms': '0' },
} as const;

type StorageMode = keyof typeof STORAGES;

export interface CrashRunOptions {
  readonly broker: ChildBroker;
  /** Cut its power instead of only killing the broker. */
  readonly disk: PowerCutDisk | null;
  readonly random: () => number;
  readonly storages: readonly StorageMode[];
  /** Names topics of one run apart from those of another on the same broker. */
  readonly prefix: string;
  /** No crash before it says so. */
  readonly isReady?: () => boolean;
}

export interface CrashVerdict {
  /** None means that every promise was kept. */
  readonly complaints: readonly string[];
  /** Acked records that had to be there. */
  readonly acked: number;
  /** Acked records that were allowed to go with the power, and went. */
  readonly ackedMissing: number;
  readonly commits: number;
  /** What cuts found not flushed, and how much of it they took: with none, they proved nothing. */
  readonly lostBlocks: number;
}

/** Producers and a consumer of one topic. */
interface Stream {
  readonly storage: StorageMode;
  readonly load: ProducerLoad;
  readonly reader: TailReader;
  /** What an ack outlives: all that is unsynced goes with the power, and with a process that held it in a managed arena. */
  readonly loss: 'kill' | 'power';
  readonly readsAlong: boolean;
}

export class CrashRun {
  private readonly options: CrashRunOptions;
  private readonly streams: readonly Stream[];
  private readonly loads: readonly ProducerLoad[];
  private readonly readers: readonly TailReader[];
  private readonly commits: CommitLoad;
  private readonly topics: string[] = [];
  private broken: Promise<never> = new Promise(() => {});
  private rounds = 0;

  constructor(options: CrashRunOptions) {
    this.options = options;
    this.streams = options.storages.flatMap((storage) => ACKS.map((acks) => makeStream(options, storage, acks)));
    this.loads = this.streams.map(({ load }) => load);
    this.readers = this.streams.map(({ reader }) => reader);
    const { broker } = options;
    this.commits = new CommitLoad(broker.port, this.loads[0]!.ledger.topic);
  }

  /** Topics and load; the broker is up. */
  async begin(): Promise<void> {
    for (const { load, storage } of this.streams) {
      await createTopic(this.options.broker.port, load.ledger.topic, PARTITIONS, STORAGES[storage]);
    }
    for (const { reader, readsAlong } of this.streams) if (readsAlong) reader.start();
    for (const load of [...this.loads, this.commits]) load.start();
    this.broken = Promise.race([...this.loads, this.commits].map(({ done }) => done)).then(() => {
      throw new Error('the load ended by itself');
    });
    this.broken.catch(() => {});
  }

  /** One crash. @returns what happened, in words @throws when a promise was broken already */
  async round(): Promise<string> {
    const { broker, disk, random, prefix, isReady } = this.options;
    // First all must be through again: a crash of a broker that nobody had reached proves nothing.
    await this.through();
    const topic = `${prefix}made-${this.rounds++}`;
    await createTopic(broker.port, topic, 1, {});
    this.topics.push(topic);
    const target = this.acked + 1 + Math.floor(random() * ACKS_MAX);
    await this.until(`${target} records are acked`, () => this.acked >= target);
    if (isReady !== undefined) await this.until('the rig is ready', isReady);
    const isCalm = disk !== null && this.rounds % 2 === 0;
    if (isCalm) await this.calm();
    const cutAway = await this.crash(isCalm);
    const committed = this.commits.acked;
    const ends = this.ackedEnds();
    const began = performance.now();
    await broker.start();
    const readyMs = Math.round(performance.now() - began);
    await this.checkEnds(ends, disk !== null);
    for (const name of this.topics) {
      const error = await topicError(broker.port, name);
      if (error !== ErrorCode.NONE) throw new Error(`lost: topic ${name}, whose creation was acked: error ${error}`);
    }
    const commit = await this.commits.check(committed);
    for (const load of this.loads) load.mark();
    for (const load of [...this.loads, this.commits]) load.resume();
    await this.through();
    return `${this.acked} acked, commit ${commit}, ready after ${readyMs} ms${cutAway}`;
  }

  /** Ends the load and judges everything. */
  async finish(): Promise<CrashVerdict> {
    await limited('everything that was sent is acked', Promise.all([...this.loads, this.commits].map((load) => load.stop())));
    for (const { reader, readsAlong } of this.streams) if (!readsAlong) reader.start();
    for (const reader of this.readers) await limited(`${reader.topic} is read to its end`, reader.finish());
    const complaints = this.readers.flatMap((reader) => reader.complaints);
    let acked = 0;
    let ackedMissing = 0;
    this.loads.forEach(({ ledger }, i) => {
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const reader = this.readers[i]!;
        const verdict = checkPartition(ledger.sent(partition), reader.read(partition), valueOf, ledger.period, reader.startOf(partition));
        complaints.push(...verdict.complaints);
        acked += verdict.acked - verdict.ackedMissing;
        ackedMissing += verdict.ackedMissing;
      }
    });
    await this.commits.check();
    return { complaints, acked, ackedMissing, commits: this.commits.acked, lostBlocks: this.options.disk?.counts.lostBlocks ?? 0 };
  }

  /** Nothing more is sent or read; what runs ends when the broker does. */
  abandon(): void {
    for (const one of [...this.loads, ...this.readers]) one.abandon();
    void this.commits.stop().catch(() => {});
  }

  private get acked(): number {
    return this.loads.reduce((sum, { ledger }) => sum + ledger.acked, 0);
  }

  /**
   * Who waits for the disk has all of it flushed, so that under their load hardly anything is ever unflushed, in the managed
   * mode nothing at all: they rest while the others write on.
   */
  private async calm(): Promise<void> {
    const waiting = [this.commits, ...this.loads.filter(({ acks }) => acks === -1)];
    for (const load of waiting) load.hold();
    await this.until('all that wait for the disk are answered', () => waiting.every(({ isIdle }) => isIdle));
  }

  private async crash(isCalm: boolean): Promise<string> {
    const { broker, disk, random } = this.options;
    if (disk === null) {
      await broker.kill();
      for (const { load, loss } of this.streams) load.afterCrash(loss);
      return '';
    }
    const before = disk.counts;
    const seed = Math.floor(random() * 2 ** 31);
    const keep = KEEPS[Math.floor(random() * KEEPS.length)]!;
    if (isCalm) {
      // What is written is flushed within milliseconds at times, when a segment is full: the disk has to see to it.
      disk.arm(VOLATILE_BLOCKS, seed, keep);
      for (const deadline = Date.now() + CALM_LIMIT_MS; !disk.counts.isOff && Date.now() < deadline;) await pause(POLL_MS);
    }
    if (!disk.counts.isOff) disk.cut(seed, keep);
    await broker.kill();
    for (const load of this.loads) load.afterCrash('power');
    const { unflushedBlocks, lostBlocks } = disk.counts;
    await disk.restore();
    return `, ${lostBlocks - before.lostBlocks} of ${unflushedBlocks - before.unflushedBlocks} unflushed blocks lost`;
  }

  /** Where each partition must end at least, from acks that survive this kind of crash. */
  private ackedEnds(): { topic: string; partition: number; end: number }[] {
    return this.streams
      .filter(({ load, loss }) => load.acks === -1 || (load.acks === 1 && loss === 'kill'))
      .flatMap(({ load: { ledger } }) =>
        Array.from({ length: PARTITIONS }, (_, partition) => {
          const last = ledger.sent(partition).findLast(({ acked, offset }) => acked && offset >= 0);
          return { topic: ledger.topic, partition, end: (last?.offset ?? -1) + 1 };
        }),
      );
  }

  private async checkEnds(ends: { topic: string; partition: number; end: number }[], power: boolean): Promise<void> {
    for (const { topic, partition, end } of ends) {
      const crash = power ? 'power cut' : 'kill';
      const found = await endOffset(this.options.broker.port, topic, partition).catch((error: Error) => {
        throw new Error(`lost: ${topic}-${partition} cannot be asked after the ${crash}: ${error.message}`);
      });
      if (found < end) throw new Error(`lost: ${topic}-${partition} ends at ${found} after the ${crash}; acked were ${end} records`);
    }
  }

  private through(): Promise<void> {
    return this.until('every partition is acked again', () => this.loads.every(({ isThrough }) => isThrough));
  }

  private async until(what: string, test: () => boolean): Promise<void> {
    const poll = async (): Promise<void> => {
      for (const deadline = Date.now() + STEP_LIMIT_MS; !test(); await pause(POLL_MS))
        if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    };
    await Promise.race([this.broken, poll()]);
  }
}

function makeStream({ broker, disk, random, prefix }: CrashRunOptions, storage: StorageMode, acks: Acks): Stream {
  const topic = `${prefix}${storage}-acks-${acks === -1 ? 'all' : acks}`;
  const loss = disk !== null || storage !== 'page-cache' ? 'power' : 'kill';
  // Where what was shown may go and others may take its place, reading waits for the end of the run.
  const readsAlong = disk === null && storage !== 'recycled' && (loss === 'kill' || acks === -1);
  return {
    storage,
    loss,
    load: new ProducerLoad({ port: broker.port, topic, partitions: PARTITIONS, acks, inFlight: IN_FLIGHT, random }),
    reader: new TailReader(broker.port, topic, PARTITIONS, {
      mayBeAhead: readsAlong && loss === 'power',
      mayBeDeleted: storage === 'recycled',
    }),
    readsAlong,
  };
}

async function limited(what: string, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error(`waited in vain until ${what}`)), FINISH_LIMIT_MS);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
