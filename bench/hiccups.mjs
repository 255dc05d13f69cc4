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

// The core went away between two looks at it, on the average in the middle.
const span = ([before, deadline, woken]) => [(before + deadline) / 2, woken];

/**
 * Of a tail's run (`windowNs`, `lateNs`, `endToEndUs` of the load generator) and the probe's result: lateness by core, the time in
 * which either core was withheld for more than 2 ms, and the records that came late although nothing was. A record that came late
 * is explained when hiccups are at least half of the longest wait around it.
 */
export function judgeHiccups(probe, { windowNs: [[from, to]], lateNs, endToEndUs }) {
  const late = probe.cores.flatMap(({ late: each }) => each);
  const long = union(late.filter(([, deadline, woken]) => woken - deadline > longNs).map(span));
  const all = union(late.map(span));
  let lateRecords = 0;
  let unexplained = 0;
  for (const [first, last, longest, records] of lateNs) {
    lateRecords += records;
    if (overlap(all, first, last) < longest / 2) unexplained += records;
  }
  return {
    cores: probe.cores.map(({ core, p99, max }) => ({ core, p99, max })),
    lostMs: overlap(long, from, to) / 1e6,
    lostShare: overlap(long, from, to) / (to - from),
    longHiccups: late.filter(([, deadline, woken]) => woken - deadline > longNs && deadline >= from && deadline < to).length,
    lateShare: lateRecords / endToEndUs.count,
    unexplainedShare: unexplained / endToEndUs.count,
    cpuShare: probe.cpuSeconds / ((probe.to - probe.from) / 1e9) / probe.cores.length,
    fifoRefused: probe.fifoRefused,
  };
}

/** Whether a run's p99 is made of records that hiccups made late: without those, fewer than one in a hundred were. */
export const isTailOfHiccups = ({ lateShare, unexplainedShare }) => lateShare >= slowShare && unexplainedShare < slowShare;

/** Neither hiccups nor the host took more than 1 % of the run. */
export const isQuiet = ({ hiccups, stealShare }) => hiccups.lostShare <= quietShare && stealShare <= quietShare;
