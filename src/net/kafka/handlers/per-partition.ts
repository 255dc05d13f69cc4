// The shape many requests share: topics, each with partitions, each of which is one question. Owner: pure.

/** Ask all partitions of all topics in one call and put the answers back into the request's shape. */
export async function perPartition<Partition, Topic extends { readonly partitions: readonly Partition[] }, Query, Answer, Result>(
  topics: readonly (Topic & { readonly partitions: readonly Partition[] })[],
  queryOf: (topic: Topic, partition: Partition) => Query,
  ask: (queries: readonly Query[]) => Promise<readonly Answer[]>,
  resultOf: (partition: Partition, answer: Answer) => Result,
): Promise<{ topic: Topic; partitions: Result[] }[]> {
  const answers = await ask(topics.flatMap((topic) => topic.partitions.map((partition) => queryOf(topic, partition))));
  let next = 0;
  return topics.map((topic) => ({ topic, partitions: topic.partitions.map((partition) => resultOf(partition, answers[next++]!)) }));
}
