// How an experiment ends that was cut short: what there is, how much is missing, and a status that is not success.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { endExperiment } from '../../src/cli/experiment-end.ts';
import { ExperimentFolder } from '../../src/cli/experiment-folder.ts';
import { madeSweep } from '../support/made-trials.ts';

const dir = mkdtempSync(join(tmpdir(), 'experiment-'));
const before = process.exitCode;
afterEach(() => {
  process.exitCode = before;
  vi.restoreAllMocks();
  rmSync(dir, { recursive: true, force: true });
});

test.each([
  ['sweep', true, 2, '4 of 20 runs are done: the same command goes on'],
  ['sweep', false, 0, '4 of 20 runs are done: the same command goes on'],
  ['compare', true, 2, '4 of 20 runs are done\n'],
] as const)('a %s, interrupted: %s', (kind, interrupted, code, message) => {
  process.exitCode = 0;
  const { record, trials } = madeSweep();
  const folder = ExperimentFolder.open(dir, `${kind}-made`, { ...record, kind });
  for (const trial of trials.filter(({ repeat }) => repeat === 0)) folder.add(trial);
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  endExperiment(folder, false, interrupted);
  expect(said.mock.calls.join('')).toContain(message);
  expect(out.mock.calls.join('')).toContain(`results     ${folder.dir}`);
  expect(process.exitCode).toBe(code);
});
