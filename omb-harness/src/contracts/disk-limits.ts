// DiskLimits: what a disk can do for a log, measured with nothing else around. Owner: pure; a contract, types only.

export const DISK_VERSION = 1;

export interface DiskFigure {
  /** 'append', 'append-fdatasync', 'append-dsync', 'direct', 'direct-dsync', 'direct-beside-reads', 'reads-beside-direct'. */
  readonly work: string;
  readonly what: string;
  readonly bytes: number;
  /** Threads, each with one call at a time. */
  readonly depth: number;
  /** What is not on the disk when the last call returns is synced, and that time counts. */
  readonly bytesPerSecond: number;
  readonly callsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
}

export interface DiskLimits {
  readonly diskVersion: typeof DISK_VERSION;
  readonly measuredAt: string;
  readonly dir: string;
  readonly fileSystem: string | null;
  readonly disk: string | null;
  readonly virtual: string | null;
  readonly figures: readonly DiskFigure[];
  /** What could not be measured, and why. */
  readonly left: readonly string[];
}
