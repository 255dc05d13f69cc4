// A line to the user that is no result. Owner: the main thread.

export function say(line: string): void {
  process.stderr.write(`ringlog bench: ${line}\n`);
}
