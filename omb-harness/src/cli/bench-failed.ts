// A failure the user of `ringlog bench` can do something about: printed as one line. Owner: any thread.

export class BenchFailed extends Error {
  // The command line prints failures of this name as one line.
  override readonly name = 'CommandFailed';
}
