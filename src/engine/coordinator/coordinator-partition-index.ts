// Which partition of a coordinator's topic owns a key. Owner: pure. Clients rely on the broker alone to know this, but
// Kafka's tools and its brokers read the same topic, so the rule is Kafka's.

/** Java's String.hashCode: h = 31 h + unit over UTF-16 units, in 32 bits. */
export function javaStringHash(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(31, hash) + text.charCodeAt(i)) | 0;
  return hash;
}

/** @param partitionCount at least 1 */
export function coordinatorPartitionIndex(key: string, partitionCount: number): number {
  const hash = javaStringHash(key);
  // -2^31 has no positive counterpart in 32 bits; Kafka takes 0 for it.
  return (hash === -0x8000_0000 ? 0 : Math.abs(hash)) % partitionCount;
}
