// The entry of a background thread: CPU work on files by path, one function a kind of job. Owner: the background thread; it
// shares nothing but the throttle's cell. Not hot.

import { nodeFileSystem } from '../../engine/io/node-file-system.ts';
import type { CleanJob, CleanLimits, CleanOutcome } from '../../engine/log/cleaner/clean-job.ts';
import { cleanLog } from '../../engine/log/cleaner/clean-log.ts';
import { SharedIoThrottle } from './io-throttle.ts';

export interface CleanTask {
  readonly job: CleanJob;
  readonly limits: CleanLimits;
  readonly throttleCell: SharedArrayBuffer;
  readonly bytesPerSecond: number;
}

export function clean({ job, limits, throttleCell, bytesPerSecond }: CleanTask): CleanOutcome {
  return cleanLog(nodeFileSystem, job, limits, new SharedIoThrottle(throttleCell, bytesPerSecond));
}
