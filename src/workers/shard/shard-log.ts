// What a shard has to say, as events for the process's log. Owner: the shard's thread. Not hot: lines about clients are
// limited, so that one bad client cannot flood the log.

import type { KafkaServerLog } from '../../net/kafka/server/kafka-server.ts';
import { ClientLines } from './client-lines.ts';
import type { EventBody } from './control-kind.ts';
import type { CleanerLog } from './log-cleaner.ts';
import type { ShardLog } from './shard.ts';

export function shardLog(
  event: (body: EventBody) => void,
  nowMs: () => number = () => performance.now(),
): KafkaServerLog & ShardLog & CleanerLog {
  const clients = new ClientLines(event, nowMs);
  return {
    connectionRefused(peer, clientId, reason) {
      clients.refused(peer, clientId, reason);
    },
    handlerFailed(api, error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      event({ level: 'error', message: `${api} failed: ${text}` });
    },
    recovered(partition, report) {
      event({ level: 'info', message: `recovered ${partition}: ${report}`, detail: { partition } });
    },
    restarted({ partitions, kept, readBytes, scannedBytes }) {
      event({
        level: 'info',
        message: `reopened ${partitions} partitions after a crash: ${kept} from the page cache, the others checked behind the recovery point`,
        detail: { partitions, kept, readBytes, checkedBytes: scannedBytes },
      });
    },
    journalUnusable(directory, reason) {
      event({
        level: 'warn',
        message: `no commit journal in ${directory}, acks=all waits for a sync of each partition: ${reason}`,
        detail: { directory },
      });
    },
    cleanFailed(partition, reason, retryMs) {
      event({ level: 'warn', message: `compaction of ${partition} failed, next try in ${retryMs} ms: ${reason}`, detail: { partition } });
    },
    uncleanable(partition, reason) {
      event({
        level: 'error',
        message: `${partition} is compacted no further until a restart, its log is damaged: ${reason}`,
        detail: { partition },
      });
    },
    storageUnmanaged(directory, reactor) {
      const why =
        reactor === 'native' ? 'its file system has no O_DIRECT or reserves no space' : `the ${reactor} reactor has no managed storage`;
      event({
        level: 'warn',
        message: `logs with ringlog.storage=managed in ${directory} use the page cache: ${why}`,
        detail: { directory },
      });
    },
    rotFound(partition, words) {
      event({ level: 'error', message: `damage on the disk in ${partition}: ${words}`, detail: { partition } });
    },
    logFailed(partition, reason) {
      event({ level: 'error', message: `log of ${partition} failed: ${reason}`, detail: { partition } });
    },
  };
}
