// POST /v1/topics/:topic/records: records into a topic, as JSON, lines of JSON, msgpack, or the bytes of one record.
// Owner: the supervisor's thread. Warm: once a request.

import { Acks } from '../../../engine/broker/log-access.ts';
import { BodyLost, type HttpAnswer, HttpRefusal, type HttpRequest, type HttpRoute, jsonAnswer } from '../http-exchange.ts';
import { AppendGather } from './append-gather.ts';
import { RecordAppends } from './append-records.ts';
import { BodyBudget, type Line, readBody, readLines } from './body-reader.ts';
import { type GatewayFault, headersOf } from './gateway-error.ts';
import { type GatewayTerms, partitionNumber, topicNamed } from './gateway-log.ts';
import { IDEMPOTENCY_KEY_BYTES_MAX, keyIdentity } from './idempotency-key.ts';
import { unpacked } from './msgpack.ts';
import { BadRecord, type GivenRecord, readRecord, type RecordDefaults } from './record-terms.ts';

export const ACKS: Readonly<Record<string, number>> = { all: Acks.ALL, '-1': Acks.ALL, '1': Acks.LEADER, '0': Acks.NONE };
const RECORDS_MAX = 100_000;
/** With an idempotency key, lines are appended in pieces of this size wherever the network cut them: then they are the same again. */
const PIECE_LINES = 1000;
const PIECE_BYTES = 128 * 1024;
const ASCII = /^[\x20-\x7e]+$/;
const HEADER_PREFIX = 'x-ringlog-header-';
const TYPES = 'application/json, application/x-ndjson, application/msgpack, or application/octet-stream and text/plain for one record';

export function produceRoute(terms: GatewayTerms): HttpRoute {
  const budget = new BodyBudget(terms.inFlightBytesMax);
  const gather = new AppendGather(terms.wallMs);
  return {
    method: 'POST',
    path: '/v1/topics/:topic/records',
    handle: (request, [topic]) => produce(terms, { budget, gather }, request, topic!),
  };
}

/** Shared by all requests. */
interface ProduceShare {
  readonly budget: BodyBudget;
  readonly gather: AppendGather;
}

async function produce(
  terms: GatewayTerms,
  { budget, gather }: ProduceShare,
  request: HttpRequest,
  topicName: string,
): Promise<HttpAnswer> {
  const log = terms.log();
  const topic = topicNamed(log, topicName);
  if (topic.internal) throw new HttpRefusal(403, `'${topicName}' is the broker's own: it alone writes there`);
  const kind = kindOf(request);
  const acks = acksOf(request);
  const partition = request.query.get('partition');
  const defaults: RecordDefaults = {
    key: keyOf(request),
    partition: partition === null ? null : partitionNumber(topic, partition),
    timestamp: timestampOf(request),
  };
  const seed = idempotencyKeyOf(request);
  const identity = seed === null ? null : keyIdentity(seed);
  const appends = new RecordAppends({ log, topic, acks, identity, seed, gather });
  const held = { bytes: 0 };
  try {
    if (kind === 'lines') await appendLines(request, terms.bodyBytesMax, defaults, appends, budget, held);
    else {
      const body = await readBody(request, terms.bodyBytesMax, budget, held);
      const records = kind === 'raw' ? [rawRecord(request, body, defaults)] : recordsOf(kind, body, defaults);
      await stored(appends, records);
    }
  } catch (error) {
    const fault = bodyFault(error);
    if (appends.count === 0) throw fault;
    // Whoever mends the request has to know what of it is stored.
    return answerOf(topicName, appends, acks, terms, { status: fault.answer.status, error: fault.message, code: 'INVALID_REQUEST' });
  } finally {
    budget.give(held.bytes);
  }
  return answerOf(topicName, appends, acks, terms, appends.fault);
}

function stored(appends: RecordAppends, records: readonly GivenRecord[]): Promise<void> {
  return new Promise((resolve) => appends.append(records, resolve));
}

function answerOf(topic: string, appends: RecordAppends, acks: number, terms: GatewayTerms, fault: GatewayFault | null): HttpAnswer {
  const stored = { topic, count: appends.count, ranges: appends.ranges, durability: durabilityOf(acks, terms) };
  if (fault === null) return jsonAnswer(200, stored);
  const { status, error, code } = fault;
  return jsonAnswer(status, { error, code, stored }, headersOf(status));
}

/** What an answer means: it is on the disk, the process may die, or nobody has said anything. */
export function durabilityOf(acks: number, { syncsBeforeAck }: GatewayTerms): 'disk' | 'written' | 'sent' {
  return acks === Acks.NONE ? 'sent' : acks === Acks.ALL && syncsBeforeAck ? 'disk' : 'written';
}

type BodyKind = 'json' | 'lines' | 'msgpack' | 'raw';

function kindOf(request: HttpRequest): BodyKind {
  const encoding = request.header('content-encoding') ?? 'identity';
  if (encoding !== 'identity') throw new HttpRefusal(415, `content-encoding ${encoding} is not taken: send the body as it is`);
  const type = (request.header('content-type') ?? '').split(';')[0]!.trim().toLowerCase();
  switch (type) {
    case 'application/json':
      return 'json';
    case 'application/x-ndjson':
    case 'application/jsonl':
      return 'lines';
    case 'application/msgpack':
    case 'application/x-msgpack':
    case 'application/vnd.msgpack':
      return 'msgpack';
    case 'application/octet-stream':
    case 'text/plain':
      return 'raw';
    default:
      throw new HttpRefusal(415, `content-type '${type}' is not taken: ${TYPES}`);
  }
}

function acksOf(request: HttpRequest): number {
  const given = request.query.get('acks') ?? request.header('x-ringlog-acks') ?? 'all';
  const acks = ACKS[given];
  if (acks === undefined) throw new HttpRefusal(400, `acks is all (on the disk), 1 (written) or 0 (no answer of the log), not '${given}'`);
  return acks;
}

function idempotencyKeyOf(request: HttpRequest): string | null {
  const key = storedHeader(request.header('idempotency-key')) ?? request.query.get('idempotency-key');
  if (key === null || key === '') return null;
  if (Buffer.byteLength(key) > IDEMPOTENCY_KEY_BYTES_MAX) {
    throw new HttpRefusal(400, `an idempotency key has at most ${IDEMPOTENCY_KEY_BYTES_MAX} bytes`);
  }
  return key;
}

function keyOf(request: HttpRequest): Uint8Array | null {
  const key = request.query.get('key') ?? storedHeader(request.header('x-ringlog-key'));
  return key === null ? null : Buffer.from(key);
}

/** What is not ASCII in a header is for some engines other characters, for others nothing: it is neither stored nor compared. */
function storedHeader(text: string | undefined): string | null {
  if (text === undefined) return null;
  if (ASCII.test(text)) return text;
  throw new HttpRefusal(400, 'a header is empty or not ASCII: what it says goes in the query, or in a JSON body');
}

function timestampOf(request: HttpRequest): number | null {
  const given = request.query.get('timestamp');
  if (given === null) return null;
  if (!/^\d{1,15}$/.test(given)) throw new HttpRefusal(400, `timestamp is milliseconds since 1970, not '${given}'`);
  return Number(given);
}

function rawRecord(request: HttpRequest, value: Uint8Array, { key, partition, timestamp }: RecordDefaults): GivenRecord {
  const headers = request
    .headersFrom(HEADER_PREFIX)
    .map(([name, text]) => ({ key: name.slice(HEADER_PREFIX.length), value: Buffer.from(storedHeader(text)!) }));
  return { key, value, headers, partition, ...(timestamp === null ? {} : { timestamp }) };
}

/** A body is a list of records, or an object with one as `records`. */
function recordsOf(kind: 'json' | 'msgpack', body: Buffer, defaults: RecordDefaults): GivenRecord[] {
  const given = parsed(kind, body);
  const list = Array.isArray(given) ? given : (given as { records?: unknown } | null)?.records;
  if (!Array.isArray(list)) throw new HttpRefusal(400, 'the body is {"records": [{"value": …}, …]}, or the list alone');
  if (list.length === 0) throw new HttpRefusal(400, 'the list of records is empty');
  if (list.length > RECORDS_MAX) {
    throw new HttpRefusal(
      413,
      `${list.length} records are more than ${RECORDS_MAX}: send several bodies, or lines as application/x-ndjson`,
    );
  }
  return list.map((one, i) => {
    try {
      return readRecord(one, defaults);
    } catch (error) {
      throw error instanceof BadRecord ? new HttpRefusal(400, `records[${i}]: ${error.message}`) : error;
    }
  });
}

function parsed(kind: 'json' | 'msgpack', body: Buffer): unknown {
  try {
    return kind === 'json' ? JSON.parse(body.toString()) : unpacked(body);
  } catch (error) {
    throw new HttpRefusal(400, `the body is not ${kind === 'json' ? 'JSON' : 'msgpack'}: ${(error as Error).message}`);
  }
}

/** Each piece is in the log before the next but one is read. */
async function appendLines(
  request: HttpRequest,
  lineBytesMax: number,
  defaults: RecordDefaults,
  appends: RecordAppends,
  budget: BodyBudget,
  held: { bytes: number },
): Promise<void> {
  const even = idempotencyKeyOf(request) !== null;
  // What is read ahead, and what is on its way.
  const hold = (lineBytes: number): void => {
    const bytes = 2 * PIECE_BYTES + lineBytes;
    if (bytes <= held.bytes) return;
    budget.take(bytes - held.bytes);
    held.bytes = bytes;
  };
  hold(0);
  let piece: GivenRecord[] = [];
  let pieceBytes = 0;
  let before: Promise<void> = Promise.resolve();
  let lines = 0;
  const send = async (): Promise<void> => {
    const records = piece;
    piece = [];
    pieceBytes = 0;
    await before;
    if (appends.fault === null) before = stored(appends, records);
  };
  try {
    for await (const arrived of readLines(request.body(), lineBytesMax, hold)) {
      for (const line of arrived) {
        lines++;
        piece.push(recordOfLine(line, defaults));
        pieceBytes += line.text.length;
        if (pieceBytes >= PIECE_BYTES || piece.length >= PIECE_LINES) await send();
      }
      if (!even && piece.length > 0) await send();
      if (appends.fault !== null) break;
    }
    if (piece.length > 0) await send();
  } finally {
    await before;
  }
  if (lines === 0) throw new HttpRefusal(400, 'the body has no lines: each is one record, as {"value": …}');
}

function recordOfLine({ number, text }: Line, defaults: RecordDefaults): GivenRecord {
  try {
    return readRecord(JSON.parse(text), defaults);
  } catch (error) {
    throw new HttpRefusal(400, `line ${number}: ${error instanceof BadRecord ? error.message : `no JSON: ${(error as Error).message}`}`);
  }
}

function bodyFault(error: unknown): HttpRefusal {
  if (error instanceof HttpRefusal) return error;
  if (error instanceof BodyLost) return new HttpRefusal(408, error.message);
  throw error;
}
