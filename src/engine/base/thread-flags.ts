// Node's flags for threads that this package starts in a process that is not its own. Owner: pure. Not hot.

/** Undefined, which is those of the process, unless the process runs a script given on its command line: threads run files. */
export function threadFlags(processFlags: readonly string[]): string[] | undefined {
  return processFlags.some((flag) => flag.startsWith('--input-type')) ? [] : undefined;
}
