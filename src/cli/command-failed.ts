// A failure the user of the command line can do something about: printed as one line, exit code 1. Owner: any thread.

export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}
