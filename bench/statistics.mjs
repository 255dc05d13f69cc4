// Medians and bootstrap intervals over per-pair ratios. A ratio is taken within a pair of neighbouring runs, so slow drifts of
// the machine cancel; the spread between pairs then says how much of the figure is the machine's mood.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** mulberry32: seeded, so that the same measurements always print the same interval. */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Median, extremes and the bootstrap 95 % interval of the median. With few pairs the interval is as wide as the extremes. */
export function summarize(values, rounds = 4000) {
  const next = random(values.length);
  const medians = Array.from({ length: rounds }, () => median(values.map(() => values[Math.floor(next() * values.length)]))).sort(
    (a, b) => a - b,
  );
  return {
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    low: medians[Math.floor(rounds * 0.025)],
    high: medians[Math.floor(rounds * 0.975)],
    count: values.length,
  };
}

/** What a summarized ratio says about its goals, which are least values, or most values with `atMost`. */
export function verdict(ratio, { floor, aim, atMost = false }) {
  if (!floor || !ratio) return '';
  // A goal holds when the whole interval clears it, not when the median does.
  const clears = (goal) => goal !== undefined && (atMost ? ratio.high <= goal : ratio.low >= goal);
  if (clears(aim)) return 'AIM';
  if (clears(floor)) return 'floor';
  const reaches = atMost ? ratio.low <= floor : ratio.high >= floor;
  return reaches ? 'open' : 'BELOW';
}
