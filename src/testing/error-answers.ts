// Where an error stands in the answer of each API, and what of a request is carried out beside it. Owner: pure. Not hot.
//
//   split   what is refused is taken out of the request, the rest is carried out, and the refusals join its answer
//   edit    nothing is changed by the request: it is carried out, and the answer is changed
//   whole   one error for all: it is not carried out

import { ZERO_UUID } from '../engine/base/uuid.ts';
import { type Message, rowsOf } from './kafka-api.ts';
import { type Target, type TopicNames, topicOf } from './request-targets.ts';

/** Kafka's error code for one thing that was asked for, 0 for none. */
export type CodeOf = (target: Target) => number;

export interface ErrorAnswer {
  /** What the broker gets; null: nothing. */
  readonly request: Message | null;
  /** What the client gets; the broker's answer is null when it got nothing. */
  readonly answer: (response: Message | null) => Message;
}

interface Call {
  readonly version: number;
  readonly request: Message;
  readonly codeOf: CodeOf;
  readonly names: TopicNames;
}

type Place = (call: Call) => ErrorAnswer;

const EMPTY = new Uint8Array(0);

/** Topics with partitions: `[topics, partitions, index]` of the request and of the answer. */
interface Tree {
  readonly from: readonly [topics: string, partitions: string, index: string];
  readonly to: readonly [topics: string, partitions: string, index: string];
  /** The fields of a refused partition beside its index and code. */
  readonly blank: Message;
}

function splitTree({ from, to, blank }: Tree): Place {
  const [topics, partitions, index] = from;
  return ({ request, codeOf, names }) => {
    const group = groupOf(request);
    const kept: Message[] = [];
    const refused: { topic: Message; rows: Message[] }[] = [];
    for (const topic of rowsOf(request, topics)) {
      const name = topicOf(topic, names);
      const code = (row: Message): number => codeOf({ ...group, topic: name, partition: row[index] as number });
      const all = rowsOf(topic, partitions);
      const left = all.filter((row) => code(row) === 0);
      if (left.length > 0) kept.push({ ...topic, [partitions]: left });
      const bad = all.filter((row) => code(row) !== 0);
      if (bad.length > 0) refused.push({ topic, rows: bad.map((row) => ({ ...blank, [to[2]]: row[index], errorCode: code(row) })) });
    }
    return {
      request: kept.length === 0 ? null : { ...request, [topics]: kept },
      answer: (response) => {
        const rows = [...rowsOf(response ?? {}, to[0])];
        for (const { topic, rows: bad } of refused) {
          const at = rows.findIndex((row) => topicOf(row, names) === topicOf(topic, names));
          if (at < 0) rows.push({ ...nameFields(topic), [to[1]]: bad });
          else rows[at] = { ...rows[at], [to[1]]: [...rowsOf(rows[at]!, to[1]), ...bad] };
        }
        return { throttleTimeMs: 0, errorCode: 0, ...response, [to[0]]: rows };
      },
    };
  };
}

/** A list of things: `targetOf` says what a row of the request is about. */
function splitList(
  from: (call: Call) => string,
  to: string,
  targetOf: (row: unknown, names: TopicNames) => Target,
  rowOf: (row: unknown) => Message,
): Place {
  return (call) => {
    const { request, codeOf, names } = call;
    const field = from(call);
    const rows = (request[field] ?? []) as readonly unknown[];
    const code = (row: unknown): number => codeOf(targetOf(row, names));
    const kept = rows.filter((row) => code(row) === 0);
    const refused = rows.filter((row) => code(row) !== 0).map((row) => ({ errorMessage: null, ...rowOf(row), errorCode: code(row) }));
    return {
      request: kept.length === 0 ? null : { ...request, [field]: kept },
      answer: (response) => ({ throttleTimeMs: 0, ...response, [to]: [...rowsOf(response ?? {}, to), ...refused] }),
    };
  };
}

/** `change` gets each message of the answer's list and gives what it becomes. */
function editRows(to: string, change: (row: Message, call: Call) => Message): Place {
  return (call) => ({
    request: call.request,
    answer: (response) => ({ ...response, [to]: rowsOf(response!, to).map((row) => change(row, call)) }),
  });
}

function editTree(topics: string, partitions: string, index: string, blank: Message): Place {
  return editRows(topics, (topic, { codeOf, names, request }) => ({
    ...topic,
    [partitions]: rowsOf(topic, partitions).map((row) => {
      const code = codeOf({ ...groupOf(request), topic: topicOf(topic, names), partition: row[index] as number });
      return code === 0 ? row : { ...row, ...blank, errorCode: code };
    }),
  }));
}

/** Metadata: an error of a partition where one is named, else of the topic. */
const editTopics: Place = editRows('topics', (topic, { codeOf, names }) => {
  const name = topicOf(topic, names);
  const code = codeOf({ topic: name });
  if (code !== 0) return { ...topic, errorCode: code, partitions: [] };
  const lost = { leaderId: -1, leaderEpoch: -1 };
  const partitions = rowsOf(topic, 'partitions').map((row) => {
    const one = codeOf({ topic: name, partition: row['partitionIndex'] as number });
    return one === 0 ? row : { ...row, ...lost, errorCode: one };
  });
  return { ...topic, partitions };
});

function editList(to: string, key: string, blank: Message): Place {
  return editRows(to, (row, { codeOf }) => {
    const code = codeOf({ group: row[key] as string });
    return code === 0 ? row : { ...row, ...blank, errorCode: code };
  });
}

function whole(fields: (request: Message, version: number) => Message): Place {
  return ({ request, version, codeOf }) => ({
    request: null,
    answer: () => ({ throttleTimeMs: 0, ...fields(request, version), errorCode: codeOf(groupOf(request)) }),
  });
}

/** From version 8 on an error of a group stands at the group; before, at the top, and in version 1 at each partition. */
const offsetFetch: Place = (call) => {
  const { request, version, codeOf, names } = call;
  const blank = { committedOffset: -1, committedLeaderEpoch: -1, metadata: '' };
  const refuse = (holder: Message, group: string): Message => {
    const code = version >= 2 ? codeOf({ group }) : 0;
    if (code !== 0) return { ...holder, topics: [], errorCode: code };
    const edited = editTree('topics', 'partitions', 'partitionIndex', blank)({ ...call, names, request: { groupId: group } });
    return edited.answer(holder);
  };
  const answer = (response: Message | null): Message => {
    if (version < 8) return refuse(response!, request['groupId'] as string);
    return { ...response, groups: rowsOf(response!, 'groups').map((row) => refuse(row, row['groupId'] as string)) };
  };
  return { request, answer };
};

const NO_COORDINATOR = { nodeId: -1, host: '', port: -1, errorMessage: null };

const findCoordinator: Place = (call) => {
  if (call.version >= 4) return editList('coordinators', 'key', NO_COORDINATOR)(call);
  return whole(() => NO_COORDINATOR)({ ...call, request: { groupId: call.request['key'] } });
};

/** Errors are answered at once: nobody waits for records. */
const fetchNow: Place = (call) => {
  const blank = {
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: -1,
    abortedTransactions: null,
    preferredReadReplica: -1,
    records: EMPTY,
  };
  const { answer } = editTree('responses', 'partitions', 'partitionIndex', blank)(call);
  return { request: { ...call.request, maxWaitMs: 0 }, answer };
};

const PARTITIONS = ['topics', 'partitions', 'partitionIndex'] as const;
const topicRow = (row: unknown, names: TopicNames): Target => ({ topic: typeof row === 'string' ? row : topicOf(row as Message, names) });
const groupRow = (row: unknown): Target => ({ group: row as string });
const NO_TOPIC = { topicId: ZERO_UUID, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: [] };
const deletedRow = (row: unknown): Message => (typeof row === 'string' ? { name: row, topicId: ZERO_UUID } : nameFields(row as Message));

const PLACES: Readonly<Record<string, Place>> = {
  Produce: splitTree({
    from: ['topicData', 'partitionData', 'index'],
    to: ['responses', 'partitionResponses', 'index'],
    blank: { baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: [], errorMessage: null },
  }),
  Fetch: fetchNow,
  ListOffsets: editTree('topics', 'partitions', 'partitionIndex', { timestamp: -1, offset: -1, leaderEpoch: -1 }),
  OffsetForLeaderEpoch: editTree('topics', 'partitions', 'partition', { leaderEpoch: -1, endOffset: -1 }),
  DescribeProducers: editTree('topics', 'partitions', 'partitionIndex', { activeProducers: [] }),
  Metadata: editTopics,
  DescribeTopicPartitions: editTopics,
  OffsetCommit: splitTree({ from: PARTITIONS, to: PARTITIONS, blank: {} }),
  OffsetDelete: splitTree({ from: PARTITIONS, to: PARTITIONS, blank: {} }),
  DeleteRecords: splitTree({ from: PARTITIONS, to: PARTITIONS, blank: { lowWatermark: -1 } }),
  OffsetFetch: offsetFetch,
  FindCoordinator: findCoordinator,
  DescribeGroups: editList('groups', 'groupId', { groupState: '', protocolType: '', protocolData: '', members: [] }),
  DeleteGroups: splitList(
    () => 'groupsNames',
    'results',
    groupRow,
    (row) => ({ groupId: row }),
  ),
  CreateTopics: splitList(
    () => 'topics',
    'topics',
    topicRow,
    (row) => ({ name: (row as Message)['name'], ...NO_TOPIC }),
  ),
  DeleteTopics: splitList(({ version }) => (version >= 6 ? 'topics' : 'topicNames'), 'responses', topicRow, deletedRow),
  CreatePartitions: splitList(
    () => 'topics',
    'results',
    topicRow,
    (row) => ({ name: (row as Message)['name'] }),
  ),
  JoinGroup: whole(({ memberId }, version) => ({
    generationId: -1,
    protocolType: null,
    protocolName: version >= 7 ? null : '',
    leader: '',
    skipAssignment: false,
    memberId,
    members: [],
  })),
  SyncGroup: whole(() => ({ protocolType: null, protocolName: null, assignment: EMPTY })),
  Heartbeat: whole(() => ({})),
  LeaveGroup: whole(() => ({ members: [] })),
  ListGroups: whole(() => ({ groups: [] })),
  InitProducerId: whole(() => ({ producerId: -1, producerEpoch: -1, ongoingTxnProducerId: -1, ongoingTxnProducerEpoch: -1 })),
  ApiVersions: whole(() => ({ apiKeys: [] })),
};

export const errorApis: readonly string[] = Object.keys(PLACES).sort();

export function errorAnswer(api: string, version: number, request: Message, codeOf: CodeOf, names: TopicNames): ErrorAnswer {
  return PLACES[api]!({ version, request, codeOf, names });
}

function groupOf(request: Message): Target {
  const group = request['groupId'];
  return typeof group === 'string' && group !== '' ? { group } : {};
}

function nameFields(topic: Message): Message {
  const { name, topic: named, topicId } = topic;
  return { name, topic: named, topicId };
}
