// Partitions that come to be, with a new topic or at the end of one that exists.
// Owner: the controller (main thread). Pure. Not hot.

import { ErrorCode } from '../base/error-code.ts';
import { refusal } from './controller-view.ts';
import type { ControllerView } from './controller-view.ts';
import type { ItemResult } from './controller-requests.ts';
import type { PartitionImage } from './metadata-image.ts';
import type { ShardAssignment } from './shard-assignment.ts';

export interface WantedPartitions {
  readonly firstIndex: number;
  readonly count: number;
  /** Node ids of each partition when they are given; the caller has checked that there are `count`. */
  readonly nodeIds: readonly (readonly number[])[] | null;
}

export type NewPartitions =
  | { readonly ok: true; readonly partitions: PartitionImage[] }
  | { readonly ok: false; readonly problem: ItemResult };

export function newPartitions(view: ControllerView, assignment: ShardAssignment, wanted: WantedPartitions): NewPartitions {
  // All are checked before any is placed: a refused topic must not weigh on the ones after it.
  for (const nodeIds of wanted.nodeIds ?? []) {
    const problem = assignmentProblem(view, nodeIds);
    if (problem !== null) return { ok: false, problem: refusal(ErrorCode.INVALID_REPLICA_ASSIGNMENT, problem) };
  }
  const partitions: PartitionImage[] = [];
  for (let i = 0; i < wanted.count; i++) {
    const index = wanted.firstIndex + i;
    const nodeId = wanted.nodeIds?.[i]?.[0];
    const { shard, directory } = assignment.place(index, nodeId === undefined ? undefined : shardsOf(view, nodeId));
    const leaderNodeId = view.shardNodeIds[shard]!;
    partitions.push({
      index,
      leaderNodeId,
      leaderEpoch: 0,
      shard,
      replicas: [leaderNodeId],
      isr: [leaderNodeId],
      directoryId: directory.id,
      logDir: directory.path,
    });
  }
  return { ok: true, partitions };
}

function assignmentProblem(view: ControllerView, nodeIds: readonly number[]): string | null {
  const unknown = nodeIds.find((nodeId) => shardsOf(view, nodeId).length === 0);
  if (unknown !== undefined) return `there is no node ${unknown}; nodes are ${[...new Set(view.shardNodeIds)].join(', ')}`;
  if (nodeIds.length === 1) return null;
  return `a single process keeps 1 copy of each partition; the assignment names ${nodeIds.length} nodes`;
}

/** One shard, or all where one node speaks for the process. */
function shardsOf(view: ControllerView, nodeId: number): number[] {
  return view.shardNodeIds.flatMap((id, shard) => (id === nodeId ? [shard] : []));
}
