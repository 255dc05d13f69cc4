// What a request is about: topics, partitions, groups. Owner: pure. Not hot.

import { type Message, rowsOf } from './kafka-api.ts';

/** One thing that a request names. */
export interface Target {
  readonly topic?: string;
  readonly partition?: number;
  readonly group?: string;
}

/** How a request lists topics, and partitions below them. */
interface TopicList {
  readonly topics: string;
  /** Null: topics alone. */
  readonly partitions: string | null;
  /** The field of a partition's row; null where it is a number itself. */
  readonly index: string | null;
}

const PARTITIONS: TopicList = { topics: 'topics', partitions: 'partitions', index: 'partitionIndex' };
const TOPICS: TopicList = { topics: 'topics', partitions: null, index: null };

const LISTS: Readonly<Record<string, TopicList>> = {
  Produce: { topics: 'topicData', partitions: 'partitionData', index: 'index' },
  Fetch: { topics: 'topics', partitions: 'partitions', index: 'partition' },
  ListOffsets: PARTITIONS,
  OffsetCommit: PARTITIONS,
  OffsetFetch: { topics: 'topics', partitions: 'partitionIndexes', index: null },
  OffsetDelete: PARTITIONS,
  OffsetForLeaderEpoch: { topics: 'topics', partitions: 'partitions', index: 'partition' },
  DeleteRecords: PARTITIONS,
  DescribeProducers: { topics: 'topics', partitions: 'partitionIndexes', index: null },
  Metadata: TOPICS,
  DescribeTopicPartitions: TOPICS,
  CreateTopics: TOPICS,
  DeleteTopics: TOPICS,
  CreatePartitions: TOPICS,
};

/** APIs whose requests name groups. */
const GROUP_APIS: ReadonlySet<string> = new Set([
  'OffsetCommit',
  'OffsetFetch',
  'OffsetDelete',
  'FindCoordinator',
  'JoinGroup',
  'SyncGroup',
  'Heartbeat',
  'LeaveGroup',
  'DescribeGroups',
  'DeleteGroups',
]);

/** Metadata names partitions in its answer only; asking for a topic is asking for all of them. */
const ANSWERS_PARTITIONS: ReadonlySet<string> = new Set(['Metadata', 'DescribeTopicPartitions']);

export const namesTopics = (api: string): boolean => LISTS[api] !== undefined;
export const namesGroups = (api: string): boolean => GROUP_APIS.has(api);
export const namesPartitions = (api: string): boolean => LISTS[api]?.partitions != null || ANSWERS_PARTITIONS.has(api);

export type TopicNames = (topicId: string) => string;

/** The topic of a row, which has its name or, in newer versions, its id. */
export function topicOf(row: Message, names: TopicNames): string {
  const name = row['name'] ?? row['topic'];
  if (typeof name === 'string' && name !== '') return name;
  return typeof row['topicId'] === 'string' ? names(row['topicId']) : '';
}

/** Every topic with its partitions, or without, that the request names; every group. Null lists mean all there are. */
export function targetsOf(api: string, request: Message, names: TopicNames): { targets: readonly Target[]; all: boolean } {
  const groups = namesGroups(api) ? groupsOf(api, request) : [];
  const list = LISTS[api];
  if (list === undefined) return { targets: groups.map((group) => ({ group })), all: false };
  // OffsetFetch lists topics below each group from version 8 on.
  const nested = api === 'OffsetFetch' ? rowsOf(request, 'groups') : [];
  const holders = nested.length > 0 ? nested : [request];
  const targets: Target[] = [];
  let all = false;
  for (const holder of holders) {
    const group = (holder['groupId'] ?? request['groupId']) as string | undefined;
    const own = group === undefined || group === '' ? {} : { group };
    if (holder[list.topics] === null) {
      all = true;
      if (own.group !== undefined) targets.push(own);
    }
    for (const topic of topicTargets(api, holder, list, names)) targets.push({ ...own, ...topic });
  }
  return { targets, all };
}

function topicTargets(api: string, holder: Message, list: TopicList, names: TopicNames): Target[] {
  const rows = rowsOf(holder, list.topics);
  if (api === 'DeleteTopics' && rows.length === 0) return (holder['topicNames'] as string[]).map((topic) => ({ topic }));
  return rows.flatMap((row): Target[] => {
    const topic = topicOf(row, names);
    if (list.partitions === null) return [{ topic }];
    const partitions = (row[list.partitions] ?? []) as readonly unknown[];
    return partitions.map((one) => ({ topic, partition: (list.index === null ? one : (one as Message)[list.index]) as number }));
  });
}

function groupsOf(api: string, request: Message): string[] {
  switch (api) {
    case 'DescribeGroups':
      return request['groups'] as string[];
    case 'DeleteGroups':
      return request['groupsNames'] as string[];
    case 'FindCoordinator': {
      if (request['keyType'] !== 0) return [];
      const keys = request['coordinatorKeys'] as string[];
      return keys.length > 0 ? keys : [request['key'] as string];
    }
    default:
      return [request['groupId'] as string];
  }
}
