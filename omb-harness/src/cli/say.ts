// A line to the user that is no result. Owner: the main thread.

import { ERASE } from './live-line.ts';

export function say(line: string): void {
  // On a terminal a live line may stand there.
  process.stderr.write(`${process.stderr.isTTY === true ? ERASE : ''}ringlog bench: ${line}\n`);
}
