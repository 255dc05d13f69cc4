// `ringlog group reset-offsets`: move what a group has committed, as kafka-consumer-groups does: a plan is printed, and
// only --execute commits it. Owner: the main thread.

import { ErrorCode } from '../engine/base/error-code.ts';
import { type ClusterClient, EARLIEST, LATEST } from '../net/kafka/client/cluster-client.ts';
import { KafkaError } from '../net/kafka/client/kafka-connection.ts';
import { listGroupsApi } from '../net/kafka/schema/generated/list-groups.ts';
import type { MetadataResponseTopic } from '../net/kafka/schema/generated/metadata.ts';
import { offsetCommitApi } from '../net/kafka/schema/generated/offset-commit.ts';
import { CommandFailed } from './command-failed.ts';
import { committedOffsets } from './committed-offsets.ts';
import { type CommonOptions, print, printRows, withCluster } from './output.ts';

/** The last version that names topics rather than giving their ids. */
const OFFSET_COMMIT_VERSION_MAX = 9;
/** Who commits without being a member. */
const NO_GENERATION = -1;
/** States in which nobody reads; servers before Kafka 2.6 name none, and refuse the commit themselves. */
const INACTIVE = ['Empty', 'Dead', ''];
/** A time without a zone is UTC, as in Kafka's tool. */
const HAS_ZONE = /(?:Z|[+-]\d\d:?\d\d)$/i;

export interface ResetOptions extends CommonOptions {
  /** `name`, or `name:partition,…`. */
  readonly topic: readonly string[];
  readonly allTopics?: boolean;
  readonly toEarliest?: boolean;
  readonly toLatest?: boolean;
  readonly toOffset?: number;
  readonly toDatetime?: string;
  readonly shiftBy?: number;
  readonly execute?: boolean;
}

interface Move {
  readonly topic: string;
  readonly partition: number;
  readonly committed: number | null;
  readonly offset: number;
}

/** What one partition offers to choose from. */
interface Offers {
  readonly name: string;
  readonly committed: number | null;
  readonly start: number;
  readonly end: number;
  /** With --to-datetime: the first record not before it; -1 when all are. */
  readonly atTime: number;
}

export async function resetOffsets(id: string, options: ResetOptions): Promise<void> {
  const target = targetOf(options);
  if (options.allTopics !== true && options.topic.length === 0) throw new CommandFailed('name topics with --topic, or take --all-topics');
  await withCluster(options, async (cluster) => {
    await requireInactive(cluster, id);
    const committed = await committedOffsets(cluster, id);
    const wanted =
      options.allTopics === true ? [...committed.keys()].map((name) => ({ name, partitions: null })) : options.topic.map(parse);
    const moves: Move[] = [];
    for (const { name, partitions } of wanted) {
      const own = partitions ?? (options.allTopics === true ? [...committed.get(name)!.keys()] : null);
      moves.push(...(await plan(cluster, name, own, committed.get(name), target)));
    }
    moves.sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1));
    if (options.execute === true) await commit(cluster, id, moves);
    printRows(
      moves.map((move) => ({ group: id, ...move })),
      options.json,
      `${id} has committed no offsets`,
    );
    if (options.json === true || moves.length === 0) return;
    print(options.execute === true ? `reset ${id}` : 'nothing is changed yet: --execute does it');
  });
}

interface Target {
  readonly timestamp: number | null;
  readonly choose: (offers: Offers) => number;
}

/** Exactly one of the five. */
function targetOf({ toEarliest, toLatest, toOffset, toDatetime, shiftBy }: ResetOptions): Target {
  const targets: Target[] = [];
  if (toEarliest === true) targets.push({ timestamp: null, choose: ({ start }) => start });
  if (toLatest === true) targets.push({ timestamp: null, choose: ({ end }) => end });
  if (toOffset !== undefined) targets.push({ timestamp: null, choose: (offers) => within(offers, toOffset) });
  if (toDatetime !== undefined) targets.push({ timestamp: timeOf(toDatetime), choose: ({ atTime, end }) => (atTime < 0 ? end : atTime) });
  if (shiftBy !== undefined) {
    const choose = (offers: Offers): number => {
      if (offers.committed === null) throw new CommandFailed(`${offers.name} has no committed offset to shift`);
      return within(offers, offers.committed + shiftBy);
    };
    targets.push({ timestamp: null, choose });
  }
  if (targets.length === 1) return targets[0]!;
  throw new CommandFailed('give one of --to-earliest, --to-latest, --to-offset, --to-datetime and --shift-by');
}

function timeOf(text: string): number {
  const time = Date.parse(text.includes('T') && !HAS_ZONE.test(text) ? `${text}Z` : text);
  if (Number.isNaN(time)) throw new CommandFailed(`--to-datetime takes a time as 2026-11-21T08:00:00.000: '${text}' is none`);
  return time;
}

/** An offset that the log does not have becomes the nearest it has. */
function within({ start, end }: Offers, offset: number): number {
  return Math.min(Math.max(offset, start), end);
}

function parse(text: string): { name: string; partitions: readonly number[] | null } {
  // A topic's name holds no colon.
  const match = /^([^:]+)(?::(\d+(?:,\d+)*))?$/.exec(text);
  if (match === null) throw new CommandFailed(`--topic takes name or name:partition,…: '${text}' is neither`);
  return { name: match[1]!, partitions: match[2]?.split(',').map(Number) ?? null };
}

async function requireInactive(cluster: ClusterClient, id: string): Promise<void> {
  const { groups, errorCode } = await cluster.askCoordinator(
    id,
    (coordinator) => coordinator.call(listGroupsApi, { statesFilter: [], typesFilter: [] }),
    (answer) => answer.errorCode,
  );
  if (errorCode !== ErrorCode.NONE) throw new KafkaError(errorCode, `state of group ${id}`);
  // One that is not listed does not exist; committing offsets makes it, as with Kafka's tool.
  const state = groups.find(({ groupId }) => groupId === id)?.groupState ?? 'Dead';
  if (!INACTIVE.includes(state)) {
    throw new CommandFailed(`group ${id} is active (${state}): stop its members first, they would go on from where they are`);
  }
}

async function plan(
  cluster: ClusterClient,
  name: string,
  partitions: readonly number[] | null,
  committed: ReadonlyMap<number, number> | undefined,
  { timestamp, choose }: Target,
): Promise<Move[]> {
  const topic: MetadataResponseTopic = await cluster.topic(name);
  const starts = await cluster.offsets(topic, EARLIEST);
  const ends = await cluster.offsets(topic, LATEST);
  const atTimes = timestamp === null ? null : await cluster.offsets(topic, timestamp);
  return (partitions ?? [...ends.keys()]).map((partition) => {
    const end = ends.get(partition);
    if (end === undefined) throw new CommandFailed(`${name} has no partition ${partition}`);
    const before = committed?.get(partition) ?? null;
    const offers = {
      name: `${name}-${partition}`,
      committed: before,
      start: starts.get(partition)!,
      end,
      atTime: atTimes?.get(partition) ?? -1,
    };
    return { topic: name, partition, committed: before, offset: choose(offers) };
  });
}

async function commit(cluster: ClusterClient, id: string, moves: readonly Move[]): Promise<void> {
  if (moves.length === 0) return;
  const coordinator = await cluster.coordinator(id);
  const topics = [...new Set(moves.map(({ topic }) => topic))].map((name) => ({
    name,
    partitions: moves
      .filter(({ topic }) => topic === name)
      .map(({ partition, offset }) => ({ partitionIndex: partition, committedOffset: offset, committedMetadata: '' })),
  }));
  const request = { groupId: id, generationIdOrMemberEpoch: NO_GENERATION, memberId: '', topics };
  const version = Math.min(coordinator.versionOf(offsetCommitApi), OFFSET_COMMIT_VERSION_MAX);
  const response = await coordinator.call(offsetCommitApi, request, version);
  for (const { name, partitions } of response.topics) {
    for (const { partitionIndex, errorCode } of partitions) {
      // The group woke up since it was looked at.
      const detail = errorCode === ErrorCode.UNKNOWN_MEMBER_ID ? 'the group has active members' : null;
      if (errorCode !== ErrorCode.NONE) throw new KafkaError(errorCode, `commit of ${name}-${partitionIndex} for ${id}`, detail);
    }
  }
}
