// Which rows a run has (`--rows`), and the order in which the contenders of a row take turns. Pure.

/** Rows by whole id, or by the start of one: `produce` is all of them, `produce-100` is not `produce-1000` too. */
export function chooseRows(rows, wanted) {
  const names = wanted.split(',').filter(Boolean);
  const ids = new Set(rows.map((row) => row.id));
  const unknown = names.filter((name) => !rows.some((row) => row.id.startsWith(name)));
  if (unknown.length > 0) throw new Error(`--rows ${unknown.join(',')}: known are ${rows.map((row) => row.id).join(' ')}`);
  return rows.filter((row) => names.length === 0 || names.some((name) => (ids.has(name) ? row.id === name : row.id.startsWith(name))));
}

/** A B C, C B A, A B C, ...: neighbours share the machine's mood, and nobody always goes first. */
export const order = (contenders, pair) => (pair % 2 ? contenders.toReversed() : contenders);

/** All turns of a row. */
export function* interleave(contenders, pairs) {
  for (let pair = 0; pair < pairs; pair++) for (const contender of order(contenders, pair)) yield { pair, contender };
}
