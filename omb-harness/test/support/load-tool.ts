// The native load code's answers to questions of a test (native/test/load_tool.cc). Owner: the test's thread.

import { execFileSync } from 'node:child_process';
import { buildNative } from '../../src/drivers/native-worker.ts';

const UNITS = ['test/load_tool.cc', 'json.cc', 'load_plan.cc', 'schedule.cc', 'record_batch.cc', 'compression.cc', 'latency_histogram.cc'];

export type AskTool = (questions: readonly object[]) => Record<string, never>[];

/** null where there is no compiler. */
export function loadTool(): AskTool | null {
  const built = buildNative(
    'load-tool',
    (unit) => UNITS.includes(unit),
    () => undefined,
  );
  if (!built.ok) {
    if (!built.why.includes('not found')) throw new Error(built.why);
    process.stdout.write(`native load code is not tested: ${built.why}\n`);
    return null;
  }
  return (questions) => {
    const input = questions.map((question) => `${JSON.stringify(question)}\n`).join('');
    const lines = execFileSync(built.program, { input, encoding: 'utf8', maxBuffer: 1 << 28 })
      .trim()
      .split('\n');
    return lines.map((line) => JSON.parse(line) as Record<string, never>);
  };
}
