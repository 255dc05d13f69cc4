// What must hold of a partition after crashes: every acked record is there once, in order, with its bytes, at the offset
// that the ack named; nothing else is there but records whose ack never came, each at most once. Pure.

/**
 * @param sent in the order in which they were sent: `{ id, acked, offset }`; `offset` is what the ack named, -1 if it named none
 * @param read in the order in which they were read: `{ offset, id, value }`
 * @param valueOf the bytes (a string) that record `id` was sent with
 * @returns `{ complaints, acked, unackedFound, unackedMissing }`; no complaints means all is well
 */
export function checkPartition(sent, read, valueOf) {
  const complaints = [];
  const places = new Map(sent.map(({ id }, place) => [id, place]));
  if (places.size !== sent.length) complaints.push('the rig sent an id twice');
  const offsets = new Map();
  let lastPlace = -1;
  let lastOffset = -1;
  for (const { offset, id, value } of read) {
    if (offset !== lastOffset + 1) complaints.push(`offset ${offset} follows ${lastOffset}`);
    lastOffset = offset;
    const place = places.get(id);
    if (place === undefined) {
      complaints.push(`foreign: ${id} at offset ${offset} was never sent here`);
      continue;
    }
    if (value !== valueOf(id)) complaints.push(`corrupted: ${id} at offset ${offset} has other bytes`);
    if (offsets.has(id)) {
      complaints.push(`duplicated: ${id} at offsets ${offsets.get(id)} and ${offset}`);
      continue;
    }
    offsets.set(id, offset);
    if (place < lastPlace) complaints.push(`reordered: ${id} at offset ${offset} stands after ${sent[lastPlace].id}`);
    lastPlace = Math.max(place, lastPlace);
  }
  const counts = { acked: 0, unackedFound: 0, unackedMissing: 0 };
  for (const { id, acked, offset } of sent) {
    const found = offsets.get(id);
    if (acked) counts.acked++;
    else if (found === undefined) counts.unackedMissing++;
    else counts.unackedFound++;
    if (acked && found === undefined) complaints.push(`lost: ${id} was acked${offset >= 0 ? ` at offset ${offset}` : ''}`);
    else if (acked && offset >= 0 && found !== offset) complaints.push(`moved: ${id} was acked at offset ${offset} and stands at ${found}`);
  }
  return { complaints, ...counts };
}
