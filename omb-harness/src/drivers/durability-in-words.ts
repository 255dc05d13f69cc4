// What an ack meant in a run, in one sentence: figures of different contracts are not comparable. Owner: pure. Not hot.

type Settings = Readonly<Record<string, string>>;

export function durabilityInWords(acks: string, broker: Settings, topic: Settings): string {
  if (acks === '0') return 'acks=0: nothing is acknowledged; what is sent may be lost at any time';
  const flushed = (topic['flush.messages'] ?? broker['log.flush.interval.messages']) === '1';
  const fsync = topic['ringlog.fsync'] ?? broker['ringlog.fsync'];
  if (flushed) return `acks=${acks}: on the leader's disk before the ack (flush.messages=1); survives power loss`;
  if (acks === '1') return "acks=1: in the leader's memory; survives a crash of the process, not power loss";
  if (fsync === 'before-ack') return 'acks=all: committed to the disk before the ack; survives power loss';
  const insync = topic['min.insync.replicas'] ?? broker['min.insync.replicas'] ?? 'an unknown number of';
  return `acks=all: in the memory of every in-sync replica, at least ${insync}; the disk follows later; survives power loss only where replicas do`;
}
