// What an answer means, in words: for the start banner and `ringlog doctor`. Owner: the main thread.

import { join } from 'node:path';
import type { BrokerConfig } from '../engine/base/config-schema.ts';
import { forgiveDisk } from '../engine/io/disk-error.ts';
import { nodeFileSystem } from '../engine/io/node-file-system.ts';

export interface DurabilityRow {
  /** The level, or the knob that moves it. */
  readonly what: string;
  readonly meaning: string;
}

const POWER = 'survives power loss';
const PROCESS = 'survives a crash of the process, not of the machine';

export function durabilityWords(config: BrokerConfig, commits: string): DurabilityRow[] {
  return [
    { what: 'acks=0', meaning: 'nothing is answered: a record may be lost at any time' },
    { what: 'acks=1', meaning: `answered from the page cache: ${PROCESS}` },
    { what: 'acks=all', meaning: allMeans(config, commits) },
    ...flushRows(config),
  ];
}

function allMeans(config: BrokerConfig, commits: string): string {
  switch (config['ringlog.fsync']) {
    case 'before-ack':
      return `answered when the records are on the disk: ${POWER}; ${commits}`;
    case 'interval':
      return `answered from the page cache, the disk follows every ${config['ringlog.fsync.interval.ms']} ms or so: ${PROCESS}`;
    default:
      return `answered from the page cache, the disk follows when the kernel likes: ${PROCESS}`;
  }
}

/** Only where they are set: as Kafka has it, they bound what a power cut may take from answers that did not wait. */
function flushRows(config: BrokerConfig): DurabilityRow[] {
  const rows: DurabilityRow[] = [];
  const records = config['log.flush.interval.messages'];
  const ms = config['log.flush.interval.ms'];
  const waits = 'acks=1 does not wait for it';
  if (records < Number.MAX_SAFE_INTEGER) {
    rows.push({
      what: 'flush.messages',
      meaning: `the disk follows after ${records} record${records === 1 ? '' : 's'} of a partition; ${waits}`,
    });
  }
  if (ms !== null && ms < Number.MAX_SAFE_INTEGER) {
    rows.push({ what: 'flush.ms', meaning: `the disk follows when a record is ${ms} ms old, a second late at most; ${waits}` });
  }
  return rows;
}

/** How records get to the disk before an answer, in these log directories. @param native the reactor is the addon's */
export function commitWords(config: BrokerConfig, directories: readonly string[], native: boolean): string {
  const segments = 'one fdatasync a partition, shared by all who wait';
  if (config['ringlog.commit'] === 'segments') return segments;
  const large = `more than ${Math.round(config['ringlog.commit.segment.bytes'] / 1024)} KiB of one partition go to its segment by fdatasync`;
  const direct = native && directories.every((directory) => takesDirectWrites(directory) !== false);
  const how = direct ? 'direct' : native ? 'buffered (the file system has no O_DIRECT)' : 'buffered (no native addon)';
  return `one ${how} write to the commit journal for all partitions of a shard; ${large}`;
}

/** Tried, not looked up: it depends on the file system and on what lies over it. Null where nothing can be written. */
function takesDirectWrites(directory: string): boolean | null {
  const path = join(directory, `.commit-probe.${process.pid}`);
  try {
    const { fd, direct } = nodeFileSystem.openForCommits(path, true);
    nodeFileSystem.close(fd);
    nodeFileSystem.remove(path);
    return direct;
  } catch (error) {
    // A log directory that was left out at the start, whose failure was told there.
    forgiveDisk(error);
    return null;
  }
}
