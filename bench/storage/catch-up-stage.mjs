// The catch-up tax: a steady tail, alone and while a reader goes through three times the memory that the broker may use.
// Every broker lives in a budget of its own, heap and page cache together, where cgroups can be made. Not hot.

import { countBrokerAndKernel, machineCpu, othersCpu } from '../cpu-time.mjs';
import { withHiccups } from '../hiccup-probe.mjs';
import { checkDisk, load } from '../load.mjs';
import { createMemoryBudget, removeMemoryBudgets } from '../memory-budget.mjs';
import { warn } from '../notes.mjs';
import { runNative, System } from '../systems.mjs';

const topic = 'history';
const tailWarmupS = 1;
const mostForeignShare = 0.04; // the hiccup probe has 1 to 2 % of it

const kinds = {
  kafka: { kind: 'kafka', heap: '512M', says: 'acks=1, -Xmx512M: process crash' },
  'page-cache': { kind: 'ringlog', says: 'acks=1, ringlog.storage=page-cache: process crash' },
  managed: { kind: 'ringlog', config: ['ringlog.storage=managed'], says: 'acks=1, ringlog.storage=managed: nothing until synced' },
};

function valueOf({ status, value, reason }) {
  if (status === 'rejected') throw reason;
  return value;
}

export async function openCatchUpStage({ options, dataDir, device, isManagedThere }) {
  const budgetBytes = options.budgetMb * 2 ** 20;
  const historyGb = (3 * budgetBytes) / 1e9;
  const absent = { ...(options.kafka ? {} : { kafka: '--no-kafka' }) };
  if (!isManagedThere) absent.managed = 'this broker refuses ringlog.storage=managed';
  const names = Object.keys(kinds).filter((name) => !absent[name]);
  const budgets = {};
  const systems = {};
  const settings = {};
  let budgetText = `${options.budgetMb} MiB`;
  for (const name of names) {
    const { kind, heap, says } = kinds[name];
    const budget = createMemoryBudget(`ringlog-bench-${name}`, budgetBytes);
    if (budget.reason) {
      budgetText = 'no limit';
      warn(`memory is not limited in catch-up: ${budget.reason}`);
    } else budgets[name] = budget;
    // Half of the budget is asked for the arena: the rest is for the runtime, and what little the kernel caches for it.
    const set = name === 'managed' ? { 'ringlog.memory.bytes': budgetBytes / 2 } : {};
    systems[name] = new System(kind, dataDir, { name: `catch-up-${name}`, heap, set, procsFile: budget.procsFile });
    settings[name] = `${says}; ${budgetText}`;
    settings[`${name} + reader`] = settings[name];
    if (absent[name]) absent[`${name} + reader`] = absent[name];
  }

  /** The whole history, once, in the time the tail takes. */
  function scan(system, seconds) {
    const answerBytes = 1 << 20;
    const rate = (historyGb * 1e9) / answerBytes / seconds;
    const given = { topic, connections: 1, answerBytes, rate, warmupS: 0, seconds };
    // The reader's client shares its core with the tail's, which must not wait for it.
    return load(system, 'fetch', given, { nice: 19 });
  }

  async function run(row, contender, seconds = options.tailSeconds) {
    const name = contender.replace(' + reader', '');
    const system = systems[name];
    const whole = seconds + tailWarmupS;
    const brokerAndKernel = countBrokerAndKernel(system.pid);
    const before = { others: othersCpu(), total: machineCpu().total };
    const tail = load(system, 'tail', { ...row.load, topic, acks: 1, warmupS: tailWarmupS, seconds, blockStat: device?.statFile });
    const reader = name === contender ? undefined : scan(system, whole);
    // Both are waited for, should one fail: what comes next must not find the other still at it.
    const [result, read] = await Promise.allSettled([tail, reader]).then((ends) => ends.map(valueOf));
    const known = brokerAndKernel() + result.client.totalCpuSeconds + (read?.client.totalCpuSeconds ?? 0);
    result.foreignShare = Math.max(0, othersCpu() - before.others - known) / (machineCpu().total - before.total);
    result.reader = read;
    result.split = budgets[name]?.split();
    if (result.reader && !result.reader.clean) warn(`${row.id}, ${contender}: the reader was not clean`);
    return result;
  }

  return {
    settings,
    absent: Object.fromEntries(Object.entries(absent).flatMap(([name, why]) => [name, `${name} + reader`].map((each) => [each, why]))),
    async start([row]) {
      checkDisk(dataDir, historyGb * names.length);
      for (const name of names) {
        const system = systems[name];
        await system.start({ empty: true });
        const shape = { partitions: 1, connections: 1, recordBytes: 1000, records: 64, config: kinds[name].config };
        await load(system, 'produce', { topic, create: true, ...shape, acks: 1, warmupS: 0, seconds: 240, maxGb: historyGb });
        const seconds = name === 'kafka' ? options.warmupSeconds : 1;
        await run(row, `${name} + reader`, seconds);
      }
      await runNative('disk', ['sync', dataDir], { timeoutMs: 120_000 });
    },
    async run(row, contender) {
      const result = await withHiccups(`${row.id}, ${contender}`, systems[contender.replace(' + reader', '')].pid, () =>
        run(row, contender),
      );
      if (result.foreignShare > mostForeignShare)
        warn(`${row.id}, ${contender}: other programs had ${(result.foreignShare * 100).toFixed(0)} % of the CPU in a run`);
      if (result.reader && result.reader.bytes < 0.95e9 * historyGb)
        warn(
          `${row.id}, ${contender}: in a run the reader got through less than the ${historyGb.toFixed(1)} GB it should have (scanned GB)`,
        );
      return result;
    },
    async stop() {
      for (const system of Object.values(systems)) await system.stop();
      await removeMemoryBudgets();
    },
  };
}
