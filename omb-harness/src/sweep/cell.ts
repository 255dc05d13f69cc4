// Cell: one of the things that are compared: a system, a driver file, a combination of settings. Owner: pure, types only.

import type { BrokerChoice } from '../contracts/broker-choice.ts';
import type { DriverSettings } from '../contracts/driver-settings.ts';
import type { Workload } from '../contracts/workload.ts';

export interface Cell {
  /** Unique in its experiment, and readable: 'acks=1 linger.ms=5', 'ringlog'. */
  readonly id: string;
  /** Which level of each dial it stands for; empty where systems are compared. */
  readonly levels: Readonly<Record<string, string>>;
  readonly workload: Workload;
  readonly driver: DriverSettings;
  readonly broker: BrokerChoice;
  /** A system that needs more of a warm-up than the workload gives; null: the workload's. */
  readonly warmupSecondsMin: number | null;
}
