// The line that a run rewrites while it goes on: on terminals of any width it stays one line, and is wiped; elsewhere there are
// plain lines without it.
import { expect, test } from 'vitest';
import { counterNames, type IntervalRecord, type LatencyKind } from '../../src/contracts/interval-record.ts';
import { ERASE, LiveLine } from '../../src/cli/live-line.ts';
import { LatencyHistogram } from '../../src/stats/latency-histogram.ts';

const none = Object.fromEntries(counterNames.map((name) => [name, 0])) as IntervalRecord['counters'];

function recordOf(
  workerId: number,
  phaseId: number,
  counters: Partial<IntervalRecord['counters']>,
  kind: LatencyKind,
  ms: number,
): IntervalRecord {
  const histogram = LatencyHistogram.empty();
  for (let i = 0; i < 100; i++) histogram.record(ms * 1e6);
  const times = { startNs: 5e9, endNs: 6e9, generatorCpuUs: 0 };
  return { workerId, phaseId, ...times, counters: { ...none, ...counters }, latencies: { [kind]: histogram.encode() } };
}

function terminalOf(columns: number | undefined) {
  const written: string[] = [];
  return { written, isTTY: true, write: (text: string) => written.push(text), ...(columns !== undefined && { columns }) };
}

const sending = (workerId: number, ms: number, phaseId = 1) =>
  recordOf(workerId, phaseId, { due: 4000, sent: 3990, acked: 3000, overflowed: 3 }, 'publishResponse', ms);
const reading = (phaseId = 1) => recordOf(9, phaseId, { received: 2500 }, 'endToEnd', 250);

test.each([undefined, 0, 300, 140, 100, 80, 60, 40, 20, 2])(
  'it is one line of a terminal of %s columns, and nothing of the one before is left',
  (columns) => {
    const terminal = terminalOf(columns);
    const live = new LiveLine(false, terminal);
    live.show({ what: 'connecting', record: null });
    live.show({ what: 'measured', record: sending(0, 50) });
    live.show({ what: 'measured', record: reading() });
    live.clear();
    live.clear();
    expect(terminal.written).toHaveLength(4);
    for (const text of terminal.written) {
      expect(text.startsWith(ERASE)).toBe(true);
      const line = text.slice(ERASE.length);
      // eslint-disable-next-line no-control-regex
      expect(line).not.toMatch(/[\u0000-\u001F]/);
      expect(line.length).toBeLessThan(columns || 80);
    }
    expect(terminal.written[0]!.slice(ERASE.length)).toBe('connecting'.slice(0, (columns || 80) - 1));
    expect(terminal.written.at(-1)).toBe(ERASE);
  },
);

test('it has rate, percentiles and back-pressure, and leaves out what it has no room for', () => {
  const lineAt = (columns: number): string => {
    const terminal = terminalOf(columns);
    const live = new LiveLine(false, terminal);
    live.show({ what: 'measured', record: sending(0, 50) });
    live.show({ what: 'measured', record: reading() });
    return terminal.written.at(-1)!.slice(ERASE.length);
  };
  const wide = lineAt(200);
  expect(wide).toMatch(
    /^measured: 3000\/s acked p50\/p99\/p99\.9 50\.\d\d\/50\.\d\d\/50\.\d\d ms, 7 held back, 3 not sent; 2500\/s read p50\/p99\/p99\.9 2\d\d/,
  );
  for (const columns of [100, 80])
    expect(lineAt(columns)).toMatch(/3000\/s.* 50\.?\d*\/50\.?\d*\/50\.?\d* ms, 7 held back, 3 not sent; .*read 2\d\d\//);
  expect(lineAt(60)).toMatch(/^measured: 3000\/s 50\.?\d*\/50\.?\d*\/50\.?\d* ms, 7 held, 3 lost$/);
});

test('several workers are one load; answers to an earlier phase are counted, under the name of what goes on', () => {
  const terminal = terminalOf(200);
  const live = new LiveLine(false, terminal);
  live.show({ what: 'backlog-fill', record: sending(0, 10) });
  live.show({ what: 'backlog-fill', record: sending(1, 90) });
  expect(terminal.written.at(-1)).toMatch(
    /backlog-fill: 6000\/s acked p50\/p99\/p99\.9 1\d\.\d\d\/9\d\.\d\d\/9\d\.\d\d ms, 14 held back, 6 not sent/,
  );
  live.show({ what: 'backlog-drain', record: recordOf(0, 2, { due: 10, sent: 24, acked: 10 }, 'publishResponse', 1) });
  live.show({ what: 'backlog-fill', record: reading(1) });
  expect(terminal.written.at(-1)).toMatch(/backlog-drain: 3010\/s acked .*, 0 held back, 0 not sent; 2500\/s read/);
});

test('without a terminal there is a plain line a step, and none an interval', () => {
  const written: string[] = [];
  const live = new LiveLine(false, { write: (text) => written.push(text) });
  live.show({ what: 'connecting', record: null });
  live.show({ what: 'measured', record: sending(0, 50) });
  live.clear();
  expect(written).toEqual(['ringlog bench: connecting\n']);
});
