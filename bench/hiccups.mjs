// What the machine withheld while a run was measured, by native/hiccup.cc, and how much of what came late in the run that explains.
// Pure.

const longNs = 2e6; // a hiccup that counts, and a record that is late (LateSpans of native/loadgen.cc)
const slowShare = 0.01; // by whose records a p99 is made
const quietShare = 0.01; // of a run's time or CPU that may be lost for it to count as quiet

/** The stretches [from, to] as a list in order in which none touches the next. */
function union(spans) {
  const merged = [];
  for (const [from, to] of spans.toSorted((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

const overlap = (spans, from, to) => spans.reduce((sum, span) => sum + Math.max(0, Math.min(span[1], to) - Math.max(span[0], from)), 0);

const isLong = ([from, to]) => to - from > longNs;

// A core was withheld from some moment between the last sign of life and when the next was due: on the average from the middle.
const lateSpan = ([before, deadline, woken]) => [(before + deadline) / 2, woken];

/**
 * Whom to blame for each stretch in which a core was withheld: the host, the kernel at work for others, or for the broker. A gap
 * between interrupts by itself is none: the kernel may have left some out.
 */
function blame(core, brokerPid) {
  const blamed = { host: [], kernel: [], broker: [] };
  const gaps = union(core.gaps);
  for (const each of core.late) {
    const [, deadline, woken, pid] = each;
    const isHost = overlap(gaps, deadline, woken) >= (woken - deadline) / 2;
    const who = pid === brokerPid ? 'broker' : 'kernel';
    blamed[isHost ? 'host' : who].push(lateSpan(each));
  }
  return blamed;
}

/**
 * Of a tail's run (`windowNs`, `lateNs`, `endToEndUs` of the load generator) and the probe's result: lateness by core; hiccups, in
 * which a core was withheld for more than 2 ms, by the host or by the kernel's work for other programs than the broker; the same by
 * its work for the broker; and the records that came late although there was no hiccup. A record that came late is explained
 * when hiccups are at least half of the longest wait around it.
 */
export function judgeHiccups(probe, brokerPid, { windowNs: [[from, to]], lateNs, endToEndUs }) {
  const blamed = probe.cores.map((core) => blame(core, brokerPid));
  const spans = (...of) => union(blamed.flatMap((core) => of.flatMap((each) => core[each])));
  const longOf = (...of) => union(blamed.flatMap((core) => of.flatMap((each) => core[each].filter(isLong))));
  const ms = (list) => overlap(list, from, to) / 1e6;
  const all = spans('host', 'kernel');
  const long = longOf('host', 'kernel');
  let lateRecords = 0;
  let unexplained = 0;
  for (const [first, last, longest, records] of lateNs) {
    lateRecords += records;
    if (overlap(all, first, last) < longest / 2) unexplained += records;
  }
  return {
    cores: probe.cores.map(({ core, p99, max }) => ({ core, p99, max })),
    longHiccups: long.filter((each) => overlap([each], from, to) > 0).length,
    lostMs: ms(long),
    lostShare: (ms(long) * 1e6) / (to - from),
    hostMs: ms(longOf('host')),
    kernelMs: ms(longOf('kernel')),
    brokerKernelMs: ms(longOf('broker')),
    lateShare: lateRecords / endToEndUs.count,
    unexplainedShare: unexplained / endToEndUs.count,
    cpuShare: probe.cpuSeconds / ((probe.to - probe.from) / 1e9) / probe.cores.length,
    fifoRefused: probe.fifoRefused,
    interruptsRefused: probe.interruptsRefused,
  };
}

/** Whether a run's p99 is made of records that hiccups made late: without those, fewer than one in a hundred were. */
export const isTailOfHiccups = ({ lateShare, unexplainedShare }) => lateShare >= slowShare && unexplainedShare < slowShare;

/** Neither hiccups nor the host took more than 1 % of the run. */
export const isQuiet = ({ hiccups, stealShare }) => hiccups.lostShare <= quietShare && stealShare <= quietShare;
