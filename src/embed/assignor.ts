// Who of a group reads which partitions, when this member leads it: as Kafka's own assignors do, so that Kafka clients and
// embedded consumers can be in one group. Owner: pure. Not hot.

export interface GroupMemberTopics {
  readonly memberId: string;
  readonly topics: readonly string[];
}

/** Partitions by topic, by member. */
export type Assignment = ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>;

/** The names by which Kafka's clients and kafkajs know what is done here, in order of preference. */
export const PROTOCOLS = ['range', 'roundrobin', 'RoundRobinAssigner'] as const;

export function assign(protocol: string, members: readonly GroupMemberTopics[], partitionsOf: (topic: string) => number): Assignment {
  const assignment = new Map(members.map(({ memberId }) => [memberId, new Map<string, number[]>()]));
  const give = (memberId: string, topic: string, partition: number): void => {
    const own = assignment.get(memberId)!;
    own.set(topic, [...(own.get(topic) ?? []), partition]);
  };
  const sorted = members.toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const topics = [...new Set(sorted.flatMap((member) => member.topics))].toSorted();
  if (protocol === 'range') {
    for (const topic of topics) giveRanges(topic, partitionsOf(topic), sorted, give);
    return assignment;
  }
  let turn = 0;
  for (const topic of topics) {
    for (let partition = 0; partition < partitionsOf(topic); partition++) {
      while (!sorted[turn % sorted.length]!.topics.includes(topic)) turn++;
      give(sorted[turn++ % sorted.length]!.memberId, topic, partition);
    }
  }
  return assignment;
}

/** Neighbouring partitions to each; the first ones get one more where it does not divide. */
function giveRanges(
  topic: string,
  count: number,
  members: readonly GroupMemberTopics[],
  give: (memberId: string, topic: string, partition: number) => void,
): void {
  const readers = members.filter((member) => member.topics.includes(topic));
  const each = Math.floor(count / readers.length);
  const more = count % readers.length;
  let partition = 0;
  readers.forEach(({ memberId }, i) => {
    for (let left = each + (i < more ? 1 : 0); left > 0; left--) give(memberId, topic, partition++);
  });
}
