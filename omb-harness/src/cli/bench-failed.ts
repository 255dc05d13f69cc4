// A failure the user of `ringlog bench` can do something about: printed as one line. Owner: any thread.

export class BenchFailed extends Error {
  // The command line prints failures of this name as one line.
  override readonly name = 'CommandFailed';
}

/** What a user's file, setting or system is the cause of; anything else is a fault of the harness. */
export function isExpected(error: unknown): error is Error {
  return error instanceof Error && ['CommandFailed', 'DriverError'].includes(error.name);
}
