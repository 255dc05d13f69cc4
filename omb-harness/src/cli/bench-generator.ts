// `ringlog bench generator`: what one load worker can do on one core of this machine, against a stub that acknowledges
// everything with the least work. Owner: the main thread. Not hot.
//
// Rates are asked for on a schedule, as in a run, so what is shown is what a run may ask of one worker. The share of its core
// says how far it is from its end; that figure means something on a busy machine, too.

import { Command } from 'commander';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { IntervalRecord } from '../contracts/interval-record.ts';
import type { Phase } from '../contracts/phase.ts';
import { nativeWorker, nullBroker } from '../drivers/native-worker.ts';
import { nativeProducerSettings } from '../drivers/kafka-wire/wire-settings.ts';
import { NativeLoad } from '../load/native-load.ts';
import { monotonicClock } from '../run/monotonic-clock.ts';
import { LatencyHistogram } from '../stats/latency-histogram.ts';
import { BenchFailed } from './bench-failed.ts';
import { EXIT_INVALID } from './exit-codes.ts';
import { aboveZero } from './option-values.ts';
import { say } from './say.ts';

interface Row {
  readonly name: string;
  readonly ratePerSecond: number;
  readonly messageBytes: number;
  readonly producers: number;
  readonly settings: Readonly<Record<string, string>>;
}

const rows: readonly Row[] = [
  {
    name: '1,000 B, batches of 16 KiB',
    ratePerSecond: 200_000,
    messageBytes: 1000,
    producers: 1,
    settings: { acks: '1', 'linger.ms': '1', 'batch.size': '16384' },
  },
  {
    name: '100 B, a request each',
    ratePerSecond: 100_000,
    messageBytes: 100,
    producers: 4,
    settings: { acks: '1', 'linger.ms': '0', 'batch.size': '1', 'max.in.flight.requests.per.connection': '100' },
  },
];
const PARTITIONS = 4;
const WARMUP_SECONDS = 1;
const DRAIN_MS = 10_000;
const LEAD_NS = 200e6;
const HELD_SHARE = 0.99;
const TOPIC = 'nothing';

export function generatorCommand(): Command {
  return new Command('generator')
    .description('what one load worker can do on this machine, against a stub that acknowledges everything')
    .option('--seconds <n>', 'of each row', aboveZero, 5)
    .action(async ({ seconds }: { readonly seconds: number }) => {
      const worker = nativeWorker(say);
      const stub = nullBroker(say);
      if (!worker.ok) throw new BenchFailed(`the native load worker: ${worker.why}`);
      if (!stub.ok) throw new BenchFailed(`the null stub: ${stub.why}`);
      for (const row of rows) {
        const child = spawn(stub.program, [], { stdio: ['pipe', 'pipe', 'inherit'] });
        try {
          const figures = await runRow(row, worker.program, await portOf(child), seconds);
          process.stdout.write(`${figures.text}\n`);
          if (!figures.held) process.exitCode = EXIT_INVALID;
        } finally {
          // It ends when its input does.
          child.stdin!.end();
        }
      }
    });
}

async function portOf(child: ChildProcess): Promise<number> {
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  return Number(line.toString());
}

async function runRow(
  row: Row,
  program: string,
  port: number,
  seconds: number,
): Promise<{ readonly held: boolean; readonly text: string }> {
  const records: IntervalRecord[] = [];
  let failure: Error | null = null;
  const events = { onInterval: (record: IntervalRecord) => void records.push(record), onFailure: (error: Error) => void (failure = error) };
  const plan = planOf(row, port);
  const text = { effectiveSettings: {}, ignoredSettings: [], errorText: (code: number) => `error ${code}` };
  const load = await NativeLoad.open({ program, workerId: 0, plan, events, ...text });
  const from = monotonicClock.nowNs() + LEAD_NS;
  const split = from + WARMUP_SECONDS * 1e9;
  const phase = { ratePerSecond: row.ratePerSecond, arrivals: 'periodic' } as const;
  const measured: Phase = { id: 1, label: 'measured', startNs: split, endNs: split + seconds * 1e9, ...phase };
  load.announce({ id: 0, label: 'warm-up', startNs: from, endNs: split, ...phase });
  load.announce(measured);
  await monotonicClock.sleepUntil(measured.endNs!);
  await load.quiesce(DRAIN_MS);
  await load.close();
  if (failure !== null) throw new BenchFailed((failure as Error).message);
  return figuresOf(row, records, seconds);
}

function figuresOf({ name, ratePerSecond }: Row, records: readonly IntervalRecord[], seconds: number): { held: boolean; text: string } {
  const own = records.filter(({ phaseId }) => phaseId === 1);
  const sum = (counter: keyof IntervalRecord['counters']): number => own.reduce((total, { counters }) => total + counters[counter], 0);
  // Intervals at the phase's edges hold only a part of its work.
  const whole = own.slice(1, -1);
  const cpuUs = whole.reduce((total, { generatorCpuUs }) => total + generatorCpuUs, 0);
  const messages = whole.reduce((total, { counters }) => total + counters.sent, 0);
  const wallUs = whole.reduce((total, { startNs, endNs }) => total + (endNs - startNs) / 1000, 0);
  const lag = LatencyHistogram.merge(own.map(({ latencies }) => latencies.generatorLag ?? []).flat());
  const held = sum('acked') >= HELD_SHARE * ratePerSecond * seconds;
  const us = (ns: number): string => (ns / 1000).toFixed(0);
  const text = [
    `${name}: ${ratePerSecond.toLocaleString('en')} messages/s ${held ? 'held' : 'NOT held'}`,
    `acknowledged ${Math.round(sum('acked') / seconds).toLocaleString('en')}/s in ${Math.round(sum('batches') / seconds).toLocaleString('en')} batches/s`,
    `${((100 * cpuUs) / wallUs).toFixed(0)} % of one core, ${(cpuUs / messages).toFixed(2)} µs a message: ${Math.round((messages * 1e6) / cpuUs).toLocaleString('en')}/s would fill it`,
    `noticed late by ${us(lag.meanNs)} µs on average, p99 ${us(lag.percentileNs(99))} µs; ${sum('overflowed')} not sent`,
  ].join('\n  ');
  return { held, text };
}

function planOf(row: Row, port: number): object {
  const leader = { host: '127.0.0.1', port };
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({ partition, leader, startOffset: 0 }));
  const producers = Array.from({ length: row.producers }, (_, producerId) => ({
    producerId,
    topic: TOPIC,
    firstLane: producerId * PARTITIONS,
    isRead: false,
  }));
  return {
    ...{ runId: 1, workerId: 0, producerWorkers: 1, producerWorkerIndex: 0, seed: 1, consumers: [], keyDistribution: 'NO_KEY' },
    producers: producers.map((producer) => ({ ...producer, idempotentId: -1, idempotentEpoch: -1 })),
    topics: { [TOPIC]: partitions },
    payload: { stampIn: 'value', pool: [Buffer.alloc(row.messageBytes, 'ringlog ').toString('base64')] },
    producerSettings: nativeProducerSettings(row.settings).effective,
    ...{ queueRecordsMax: 100_000, intervalMs: 500, pinToCpu: null, startsPaused: false, sharedTopics: false },
  };
}
