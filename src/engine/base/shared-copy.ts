// Copies bytes into memory that threads share. Owner: any thread. Hot: no allocation.
//
// V8's TypedArray.set() goes into a SharedArrayBuffer byte by byte unless both sides are aligned alike, because another
// thread might look; Buffer.fill() with bytes as long as the range is one memcpy. Nobody looks at what is
// written here before it is published.

/** Below this the call into fill() costs more than the bytes. */
const FILL_FROM_BYTES = 192;

export function sharedCopy(into: Buffer, at: number, from: Uint8Array): void {
  if (from.length < FILL_FROM_BYTES) into.set(from, at);
  else into.fill(from, at, at + from.length);
}
