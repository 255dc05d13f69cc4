// What the last run left in a log directory, as a shard asks for it when it opens a log. Owner: read by the supervisor's
// thread before shards start; constant afterwards.

import type { RecoveryFacts } from '../../engine/broker/apply-image.ts';

/** Of one directory. Structured-cloneable: travels to workers. */
export interface DirectoryFacts {
  readonly clean: boolean;
  /** See page-cache-session.ts. */
  readonly session: string;
  /** By `topic-partition`. */
  readonly recoveryPoints: ReadonlyMap<string, number>;
  readonly logStartOffsets: ReadonlyMap<string, number>;
  readonly firstDirtyOffsets: ReadonlyMap<string, number>;
}

export function recoveryFacts(facts: ReadonlyMap<string, DirectoryFacts>): RecoveryFacts {
  return {
    isClean: (logDir) => facts.get(logDir)?.clean ?? false,
    session: (logDir) => facts.get(logDir)?.session ?? '',
    recoveryPoint: (logDir, name) => facts.get(logDir)?.recoveryPoints.get(name) ?? 0,
    logStartOffset: (logDir, name) => facts.get(logDir)?.logStartOffsets.get(name) ?? 0,
    firstDirtyOffset: (logDir, name) => facts.get(logDir)?.firstDirtyOffsets.get(name) ?? 0,
  };
}
