// A load worker that stands still for longer than its group's session: the group is divided anew, what was not committed is read
// again, and a run counts that as what it is.
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { describeGroupsApi } from '../../../src/net/kafka/schema/generated/describe-groups.ts';
import { startTestBroker } from '../../../test/support/broker.ts';
import type { Driver } from '../../src/contracts/driver.ts';
import type { CounterName } from '../../src/contracts/interval-record.ts';
import { KafkaWireDriver } from '../../src/drivers/kafka-wire/kafka-wire-driver.ts';
import { nativeWorker } from '../../src/drivers/native-worker.ts';
import { monotonicClock } from '../../src/run/monotonic-clock.ts';
import { runSample, sampleDriver, samplePlan } from '../support/sample-run.ts';

const RUN_MS = 900_000;
const DEADLINE_MS = 300_000;
const POLL_MS = 20;
/** Nothing is committed in such a run: all that was read before is read again. */
const consumerConfig = { 'session.timeout.ms': '2000', 'heartbeat.interval.ms': '300', 'auto.commit.interval.ms': '600000' };

/** Of this thread: other tests have workers, too. */
const children = (): string[] => readFileSync('/proc/thread-self/children', 'utf8').trim().split(' ');

async function until(is: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + DEADLINE_MS; !(await is()) && Date.now() < deadline;) await wait(POLL_MS);
}

test('what a group reads again is redelivery: neither received twice nor called a duplicate', { timeout: RUN_MS }, async ({ skip }) => {
  const worker = nativeWorker(() => undefined);
  if (!worker.ok) return skip();
  const broker = await startTestBroker({ config: { 'group.min.session.timeout.ms': '100' } });
  const bootstrap = `127.0.0.1:${broker.port}`;
  const settings = { ...sampleDriver, driverClass: 'ringlog', consumerConfig };
  const driver = await KafkaWireDriver.open({ settings, bootstrap, clock: monotonicClock, usage: () => null, worker });
  const plan = samplePlan({ topics: 1, subscriptionsPerTopic: 1 }, 0.3);
  const { group } = plan.consumerLoads[0]!.consumers[0]!;
  const counted = { received: 0, redelivered: 0 } satisfies Partial<Record<CounterName, number>>;
  const isEmpty = async (): Promise<boolean> => {
    const { groups } = await broker.ask((client) => client.call(describeGroupsApi, 5, { groups: [group] }));
    return groups[0]!.members.length === 0;
  };
  let consumers = 0;
  const standStill = async (): Promise<void> => {
    await until(() => counted.received > 0);
    process.kill(consumers, 'SIGSTOP');
    await until(isEmpty);
    process.kill(consumers, 'SIGCONT');
    await until(() => counted.redelivered > 0);
  };
  const watched: Pick<Driver, 'openConsumers' | 'openProducers'> = {
    openConsumers: async (load, events) => {
      const before = children();
      const opened = await driver.openConsumers(load, events);
      consumers = Number(children().find((pid) => !before.includes(pid)));
      return opened;
    },
    // All is sent, and the run waits for it to be answered and read: it does not end before this.
    openProducers: async (load, events) => {
      const opened = await driver.openProducers(load, events);
      const quiesce = (ms: number): Promise<void> => standStill().then(() => opened.quiesce(ms));
      return new Proxy(opened, { get: (target, name) => bound(name === 'quiesce' ? { quiesce } : target, name) });
    },
  };
  const bound = (target: object, name: string | symbol): unknown => {
    const value = Reflect.get(target, name) as unknown;
    return typeof value === 'function' ? value.bind(target) : value;
  };
  const system = new Proxy(driver as Driver, { get: (target, name) => bound(name in watched ? watched : target, name) });
  const loads = {
    producerLoads: plan.producerLoads.map((load) => ({ ...load, bootstrap })),
    consumerLoads: plan.consumerLoads.map((load) => ({ ...load, bootstrap, consumerSettings: consumerConfig })),
  };
  try {
    const result = await runSample(
      system,
      { ...plan, ...loads },
      {
        drainMs: DEADLINE_MS,
        onProgress: ({ record }) => {
          for (const name of ['received', 'redelivered'] as const) counted[name] += record?.counters[name] ?? 0;
        },
      },
    );
    expect(counted.received).toBe(result.delivery.ackedRecords);
    expect(result.delivery).toMatchObject({ lostRecords: 0, duplicatedRecords: 0, reorderedRecords: 0, corruptRecords: 0 });
    expect(result.delivery.redeliveredRecords).toBeGreaterThan(0);
    expect(result.verdict.warnings.map(({ code }) => code)).toContain('redelivered');
  } finally {
    await driver.close();
    await broker.stop();
  }
});
