// CreatePartitions: topics grow at their end. Owner: the controller (main thread). Pure. Not hot.

import { ErrorCode } from '../base/error-code.ts';
import { FINE, refusal, repeated } from './controller-view.ts';
import { PARTITIONS_PER_REQUEST_MAX } from './create-topics.ts';
import { ShardAssignment } from './shard-assignment.ts';
import { newPartitions } from './new-partitions.ts';
import type { ControllerView, MetadataChange, Plan } from './controller-view.ts';
import type { CreatePartitionsRequest, CreatePartitionsResult, CreatePartitionsTopic, ItemResult } from './controller-requests.ts';

export function planCreatePartitions(view: ControllerView, request: CreatePartitionsRequest): Plan<CreatePartitionsResult> {
  const assignment = new ShardAssignment(view.image, view.shardNodeIds.length, view.directories);
  const twice = repeated(request.topics.map((topic) => topic.name));
  const changes: MetadataChange[] = [];
  let planned = 0;
  const results = request.topics.map((topic) => {
    const added = twice.has(topic.name)
      ? refusal(ErrorCode.INVALID_REQUEST, 'the request names this topic twice')
      : grow(view, assignment, topic, PARTITIONS_PER_REQUEST_MAX - planned);
    if (!('change' in added)) return { ...added, name: topic.name };
    planned += added.count;
    if (!request.validateOnly) changes.push(added.change);
    return { ...FINE, name: topic.name };
  });
  return { results, changes };
}

function grow(
  view: ControllerView,
  assignment: ShardAssignment,
  { name, count, assignments }: CreatePartitionsTopic,
  countMax: number,
): ItemResult | { change: MetadataChange; count: number } {
  const topic = view.image.topic(name);
  if (topic === undefined) return refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `there is no topic '${name}'`);
  const before = topic.partitions.length;
  if (count === before) return refusal(ErrorCode.INVALID_PARTITIONS, `topic '${name}' has ${before} partitions already`);
  if (count < before) {
    return refusal(
      ErrorCode.INVALID_PARTITIONS,
      `topic '${name}' has ${before} partitions; their number can only grow, not become ${count}`,
    );
  }
  if (count - before > countMax) {
    return refusal(ErrorCode.POLICY_VIOLATION, `one request creates at most ${PARTITIONS_PER_REQUEST_MAX} partitions`);
  }
  if (assignments !== null && assignments.length !== count - before) {
    return refusal(
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      `the assignment is for ${assignments.length} partitions, and ${count - before} are new`,
    );
  }
  const placed = newPartitions(view, assignment, { firstIndex: before, count: count - before, nodeIds: assignments });
  if (!placed.ok) return placed.problem;
  const partitions = [...topic.partitions, ...placed.partitions];
  return { change: { kind: 'put-topic', topic: { ...topic, partitions } }, count: placed.partitions.length };
}
