// A recovery note as it was taken, kept until the disk has caught up with it. Owner: the shard's thread. Not hot.

import type { Segment } from './segment.ts';

export interface TakenNote {
  readonly segment: Segment;
  readonly position: number;
  readonly bytes: Uint8Array;
}
