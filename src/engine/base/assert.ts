// Broken invariants stop the shard, always, with the values that broke them. Owner: any thread.
// Expected failures are values (error codes); they never come through here.

export class BrokenInvariant extends Error {
  override readonly name = 'BrokenInvariant';
}

/** @throws BrokenInvariant with the message and the values when `condition` is false. */
export function assert(condition: boolean, message: string, ...values: readonly unknown[]): asserts condition {
  if (!condition) throw new BrokenInvariant(values.length === 0 ? message : `${message}: ${values.map(String).join(', ')}`);
}
