// The layer order of design section 10, as data. A file may import from its own folder and from folders of lower rank,
// type-only imports included. The first prefix that matches decides, so longer ones stand first.

const ranks: readonly (readonly [prefix: string, rank: number])[] = [
  // Runs in a page: knows nothing of the rest.
  ['src/browser/', 1],
  ['src/engine/base/', 10],
  ['src/engine/io/', 11],
  ['src/engine/record/', 12],
  ['src/engine/log/', 13],
  ['src/engine/purgatory/', 14],
  ['src/engine/partition/', 15],
  ['src/engine/coordinator/', 16],
  ['src/engine/metadata/', 17],
  ['src/engine/broker/', 18],

  ['src/net/kafka/schema/', 20],
  ['src/net/kafka/wire/', 21],
  ['src/net/reactor/', 22],
  ['src/net/kafka/client/', 23],
  // Handlers and server know each other: the server dispatches to handlers, Produce and Fetch write to its outbox.
  ['src/net/kafka/', 24],
  ['src/net/http/', 25],
  ['src/workers/ring/', 30],
  ['src/workers/shard/', 31],
  ['src/workers/background/', 32],
  ['src/workers/caller/', 32],
  ['src/workers/supervisor/', 33],
  ['src/embed/', 40],
  ['src/testing/', 41],
  ['src/cli/', 50],

  ['omb-harness/src/contracts/', 60],
  ['omb-harness/src/stats/', 61],
  ['omb-harness/src/formats/', 62],
  ['omb-harness/src/plan/', 63],
  ['omb-harness/src/validity/', 64],
  ['omb-harness/src/load/', 65],
  ['omb-harness/src/drivers/', 66],
  ['omb-harness/src/run/', 67],
  ['omb-harness/src/report/', 68],
  ['omb-harness/src/sweep/', 69],
  ['omb-harness/src/cli/', 70],
];

export function rankOf(path: string): number {
  const found = ranks.find(([prefix]) => path.startsWith(prefix));
  return found === undefined ? -1 : found[1];
}
