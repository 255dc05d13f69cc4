// A run over the embedded API: the log is in this process, and everything that was acknowledged came through its groups.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EmbeddedBroker } from '../../src/drivers/embedded/embedded-broker.ts';
import { EmbeddedDriver } from '../../src/drivers/embedded/embedded-driver.ts';
import { monotonicClock } from '../../src/run/monotonic-clock.ts';
import { runSample, sampleDriver, samplePlan } from '../support/sample-run.ts';

test.each([100, 16])(
  'its records are all delivered, whole, with messages of %s B',
  async (messageSize) => {
    const dir = mkdtempSync(join(tmpdir(), 'embedded-'));
    const broker = await EmbeddedBroker.start(dir, { 'ringlog.shards': '0', 'group.initial.rebalance.delay.ms': '0' });
    const usage = () => broker.usage(monotonicClock);
    const settings = { ...sampleDriver, producerConfig: { acks: '1', compression: 'none' } };
    const options = { settings, bootstrap: broker.bootstrap, clock: monotonicClock, usage, log: broker.log };
    try {
      const driver = await EmbeddedDriver.open(options);
      const plan = samplePlan({ messageSize }, 0.5, undefined, driver.lanes);
      const own = { ...plan, producerLoads: plan.producerLoads.map((load) => ({ ...load, producerSettings: settings.producerConfig })) };
      const result = await runSample(driver, own);
      expect(result.system).toMatchObject({ product: expect.stringContaining('embedded') as string, storageMode: 'page-cache' });
      expect(result.system!.durability).toContain('acks=1');
      expect(result.ignoredSettings).toEqual(['compression']);
      const { counters } = result.phases[result.measuredPhase!]!;
      expect(counters).toMatchObject({ due: 1000, acked: 1000, received: 2000, errors: 0 });
      expect(result.delivery).toMatchObject({ lostRecords: 0, duplicatedRecords: 0, reorderedRecords: 0, corruptRecords: 0 });
    } finally {
      await broker.stop();
      expect(readdirSync(dir)).toEqual([]);
      rmSync(dir, { recursive: true, force: true });
    }
  },
  60_000,
);

test('what it cannot do is refused in one line', async () => {
  const usage = () => null;
  const options = {
    settings: { ...sampleDriver, driverClass: 'ringlog-embedded' },
    bootstrap: 'a:1',
    clock: monotonicClock,
    usage,
    log: null,
  };
  await expect(EmbeddedDriver.open(options)).rejects.toThrow('ringlog-embedded opens a log in this process');
  await expect(EmbeddedBroker.start(tmpdir(), { 'ringlog.fsync': 'perhaps' })).rejects.toThrow('the embedded log did not open');
});
