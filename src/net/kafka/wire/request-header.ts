// The request header: api key, version, correlation id, client id, and tags where the version is flexible.
// Owner: the shard's thread. Hot: headerEnd() only adds up lengths.

const FIXED_BYTES = 8;

/** First byte after the header of the frame at [offset, end), or -1 when it is cut short. */
export function headerEnd(bytes: Uint8Array, view: DataView, offset: number, end: number, flexible: boolean): number {
  let at = offset + FIXED_BYTES;
  if (at + 2 > end) return -1;
  const clientIdLength = view.getInt16(at);
  if (clientIdLength < -1) return -1;
  at += 2 + Math.max(clientIdLength, 0);
  if (!flexible) return at <= end ? at : -1;
  return tagsEnd(bytes, at, end);
}

/** The client id, null when there is none. Call headerEnd() first: it has checked the lengths. */
export function clientIdOf(bytes: Uint8Array, view: DataView, offset: number): string | null {
  const length = view.getInt16(offset + FIXED_BYTES);
  const start = bytes.byteOffset + offset + FIXED_BYTES + 2;
  return length < 0 ? null : Buffer.from(bytes.buffer, start, length).toString();
}

function tagsEnd(bytes: Uint8Array, offset: number, end: number): number {
  // Nearly always one zero byte.
  if (offset < end && bytes[offset] === 0) return offset + 1;
  return skipTags(bytes, offset, end);
}

/** Apart from the fast way: what a closure captures is allocated wherever it is declared, used or not. */
function skipTags(bytes: Uint8Array, offset: number, end: number): number {
  let at = offset;
  let value = 0;
  const uvarint = (): boolean => {
    value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      if (at >= end) return false;
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return true;
    }
    return false;
  };
  if (!uvarint()) return -1;
  for (let left = value; left > 0; left--) {
    if (!uvarint() || !uvarint()) return -1;
    at += value;
    if (at > end) return -1;
  }
  return at;
}
