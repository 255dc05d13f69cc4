// Trial: one run among several that are compared, in few figures. Owner: pure; a contract, types only.

import type { Standing } from './verdict.ts';

export const figureNames = [
  'acknowledgedPerSecond',
  'megabytesPerSecond',
  'foundRatePerSecond',
  'publishP50Ms',
  'publishP99Ms',
  'publishP999Ms',
  'publishP9999Ms',
  'endToEndP50Ms',
  'endToEndP99Ms',
  'endToEndP999Ms',
  'endToEndP9999Ms',
  'brokerCpuUsPerRecord',
  'brokerCpuSecondsPerGB',
  'brokerPeakMemoryMB',
  'deviceBytesPerByteSent',
  'deviceFlushesPerSecond',
] as const;

export type FigureName = (typeof figureNames)[number];
export type Figures = Readonly<Partial<Record<FigureName, number>>>;

export interface Trial {
  /** Which of the compared things. */
  readonly cell: string;
  /** Which of its runs, from 0: runs of one number are next to each other in time. */
  readonly repeat: number;
  readonly standing: Standing;
  /** Codes of the verdict; of a run that could not be made, its error alone. */
  readonly reasons: readonly string[];
  readonly figures: Figures;
  readonly durability: string;
  readonly memoryRegime: string;
  /** What it took, brokers and drain included. */
  readonly tookSeconds: number;
  /** Folder of its result, below the experiment's; null: there is none. */
  readonly folder: string | null;
}
