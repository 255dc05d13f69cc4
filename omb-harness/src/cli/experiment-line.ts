// Where an experiment stands: a bar with the time that is left, above what the current run is doing. One line in place on a
// terminal, a line a run elsewhere. Owner: the main thread. Not hot.

import type { Trial } from '../contracts/trial.ts';
import type { Progress } from '../run/run-workload.ts';
import type { ExperimentProgress } from '../sweep/experiment.ts';
import { shownFigure } from '../sweep/figures.ts';
import { LiveLine } from './live-line.ts';

const BAR_CHARS = 20;

export class ExperimentLine {
  private readonly json: boolean;
  private readonly live: LiveLine;

  constructor(json: boolean) {
    this.json = json;
    this.live = new LiveLine(json);
  }

  start({ done, all, cell, repeat, secondsLeft }: ExperimentProgress): void {
    const full = Math.round((BAR_CHARS * done) / all);
    const left = secondsLeft === null ? '' : `, ${durationInWords(secondsLeft)} left`;
    this.say(`[${'#'.repeat(full)}${'.'.repeat(BAR_CHARS - full)}] ${done} of ${all}${left}: ${cell.id}, run ${repeat + 1}`);
  }

  /** Steps of a run matter on a terminal only: a log would be full of them. */
  show(progress: Progress): void {
    if (process.stderr.isTTY === true && !this.json) this.live.show(progress);
  }

  end(trial: Trial): void {
    const { cell, repeat, standing, figures, reasons } = trial;
    if (this.json) {
      process.stdout.write(`${JSON.stringify({ type: 'trial', ...trial })}\n`);
      return;
    }
    const shown = [
      ['acknowledged', figures.acknowledgedPerSecond, '/s'],
      ['publish p99', figures.publishP99Ms, ' ms'],
      ['end-to-end p99', figures.endToEndP99Ms, ' ms'],
    ] as const;
    const parts = shown.flatMap(([name, value, unit]) => (value === undefined ? [] : [`${name} ${shownFigure(value)}${unit}`]));
    const why = reasons.length === 0 ? '' : ` (${reasons.join(', ')})`;
    this.say(`  ${cell}, run ${repeat + 1}: ${standing}${why}${parts.length === 0 ? '' : `; ${parts.join(', ')}`}`);
  }

  say(text: string): void {
    this.live.clear();
    if (!this.json) process.stderr.write(`ringlog bench: ${text}\n`);
  }

  clear(): void {
    this.live.clear();
  }
}

function durationInWords(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
