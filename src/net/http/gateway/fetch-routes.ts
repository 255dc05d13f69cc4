// What can be read of topics: records from an offset on with a long poll, where partitions begin and end, and how far a group
// lags. Owner: the supervisor's thread. Warm: once a request.

import type { TopicImage } from '../../../engine/metadata/metadata-image.ts';
import type { LogRecord } from '../../../engine/record/log-records.ts';
import { ErrorCode } from '../../../engine/base/error-code.ts';
import { type HttpAnswer, HttpRefusal, type HttpRequest, type HttpRoute, jsonAnswer } from '../http-exchange.ts';
import { faultOf, headersOf } from './gateway-error.ts';
import { type GatewayLog, type GatewayTerms, partitionNumber, topicNamed } from './gateway-log.ts';
import { packed } from './msgpack.ts';
import { fetchAt, givenOffset } from './partition-cursor.ts';
import { recordJson, recordMsgpack } from './record-json.ts';

const BYTES = 1024 * 1024;
const BYTES_MAX = 8 * 1024 * 1024;
const RECORDS = 1000;
const RECORDS_MAX = 100_000;
const WAIT_MS_MAX = 30_000;
const SPECIAL = { earliest: -2, latest: -1 } as const;

export function fetchRoutes(terms: GatewayTerms): HttpRoute[] {
  return [
    { method: 'GET', path: '/v1/topics', handle: () => jsonAnswer(200, topicList(terms.log())) },
    { method: 'GET', path: '/v1/topics/:topic/partitions/:p/records', handle: (request, [name, p]) => records(terms, request, name!, p!) },
    { method: 'GET', path: '/v1/topics/:topic/offsets', handle: (_, [name]) => offsets(terms, name!) },
    { method: 'GET', path: '/v1/groups/:group/lag', handle: (_, [group]) => lag(terms, group!) },
  ];
}

function topicList({ image }: GatewayLog): unknown {
  const topics = [...image.topicsByName.values()].filter(({ internal }) => !internal);
  return { topics: topics.map(({ name, partitions }) => ({ name, partitions: partitions.length })) };
}

async function records(terms: GatewayTerms, request: HttpRequest, name: string, partitionText: string): Promise<HttpAnswer> {
  const log = terms.log();
  const topic = topicNamed(log, name);
  const partition = partitionNumber(topic, partitionText);
  const { query, signal } = request;
  const maxBytes = bounded(query, 'max-bytes', BYTES, 1, BYTES_MAX);
  const maxRecords = bounded(query, 'max-records', RECORDS, 1, RECORDS_MAX);
  const endMs = performance.now() + bounded(query, 'wait-ms', 0, 0, WAIT_MS_MAX);
  const asked = await givenOffset(log, topic, partition, query.get('offset') ?? 'earliest');
  const msgpack = /^application\/(x-|vnd\.)?msgpack$/.test(request.header('accept') ?? '');
  for (let position = asked; ;) {
    const waitMs = Math.max(0, Math.floor(endMs - performance.now()));
    const { chunk, ...ends } = await fetchAt(log, topic, partition, position, maxBytes, waitMs, signal);
    if (chunk === null) {
      const range = `${name}-${partition} has offsets ${ends.logStartOffset} to ${ends.highWatermark}, not ${position}`;
      return jsonAnswer(416, { error: `${range}: ask from earliest or latest`, code: 'OFFSET_OUT_OF_RANGE', ...ends });
    }
    const found: LogRecord[] = [];
    for (let one = chunk.next(); one !== null; one = found.length < maxRecords ? chunk.next() : null) found.push(one);
    const nextOffset = found.length < maxRecords ? chunk.nextOffset : found.at(-1)!.offset + 1;
    // Offsets without records: marks of transactions, or what compaction took out.
    const goesOn = found.length === 0 && nextOffset > position;
    if (goesOn) position = nextOffset;
    else return recordsAnswer({ topic: name, partition, nextOffset, ...ends }, found, msgpack);
  }
}

function recordsAnswer(facts: object, found: readonly LogRecord[], msgpack: boolean): HttpAnswer {
  if (!msgpack) return jsonAnswer(200, { ...facts, records: found.map(recordJson) });
  const headers = { 'content-type': 'application/msgpack', 'cache-control': 'no-store' };
  return { status: 200, headers, body: packed({ ...facts, records: found.map(recordMsgpack) }) };
}

async function offsets(terms: GatewayTerms, name: string): Promise<HttpAnswer> {
  const log = terms.log();
  const topic = topicNamed(log, name);
  const [first, end] = await Promise.all([ends(log, topic, SPECIAL.earliest), ends(log, topic, SPECIAL.latest)]);
  const partitions = topic.partitions.map(({ index }) => ({ partition: index, earliest: first[index], latest: end[index] }));
  return jsonAnswer(200, { topic: name, partitions });
}

/** Of partition i at i. */
async function ends(log: GatewayLog, { name, partitions }: TopicImage, timestamp: number): Promise<number[]> {
  const query = { topic: name, currentLeaderEpoch: -1, timestamp, readCommitted: true };
  const answers = await log.partitions.listOffsets(partitions.map(({ index }) => ({ ...query, partition: index })));
  return answers.map(({ errorCode, offset }, i) => checked(errorCode, `${name}-${i}`, offset));
}

async function lag(terms: GatewayTerms, groupId: string): Promise<HttpAnswer> {
  const log = terms.log();
  const { errorCode, topics } = await log.groups.fetchOffsets({ groupId, topics: null, requireStable: false });
  const committed = checked(errorCode, `group '${groupId}'`, topics);
  if (committed.length === 0) throw new HttpRefusal(404, `group '${groupId}' has committed nothing here`);
  const partitions: { topic: string; partition: number; offset: number; latest: number; lag: number }[] = [];
  for (const { name, partitions: own } of committed) {
    const topic = log.image.topic(name);
    // Deleted since: nothing lags behind it.
    if (topic === undefined) continue;
    const latest = await ends(log, topic, SPECIAL.latest);
    for (const { partition, offset } of own) {
      const end = latest[partition];
      if (end !== undefined && offset >= 0)
        partitions.push({ topic: name, partition, offset, latest: end, lag: Math.max(0, end - offset) });
    }
  }
  return jsonAnswer(200, { group: groupId, lag: partitions.reduce((sum, one) => sum + one.lag, 0), partitions });
}

function checked<T>(errorCode: number, where: string, answer: T): T {
  if (errorCode === ErrorCode.NONE) return answer;
  const { status, error } = faultOf(errorCode, where);
  throw new HttpRefusal(status, error, headersOf(status));
}

function bounded(query: URLSearchParams, name: string, fallback: number, min: number, max: number): number {
  const text = query.get(name);
  if (text === null) return fallback;
  if (!/^\d{1,12}$/.test(text) || Number(text) < min)
    throw new HttpRefusal(400, `${name} is a number from ${min} to ${max}, not '${text}'`);
  return Math.min(Number(text), max);
}
