// GET /v1/topics/:topic/events: a topic as server-sent events, from now on or from an offset, resumed by Last-Event-ID.
// Owner: the supervisor's thread. Warm: once a fetch and subscriber.
//
// An event's id says where every partition goes on, so a browser that comes back with it misses nothing and sees nothing
// twice. A subscriber pulls: of each partition one fetch is read when the one before is taken, so a slow one holds that and
// no more, and one that takes nothing for 30 s is cut off. What retention took before it was read is told as a `gap`.

import type { TopicImage } from '../../../engine/metadata/metadata-image.ts';
import { type AnswerStream, type HttpAnswer, HttpRefusal, type HttpRequest, type HttpRoute, StalledReader } from '../http-exchange.ts';
import { STOPPING } from './gateway-error.ts';
import { type GatewayLog, type GatewayTerms, partitionNumber, topicNamed } from './gateway-log.ts';
import { fetchAt, givenOffset } from './partition-cursor.ts';
import { recordJson } from './record-json.ts';

const FETCH_BYTES = 64 * 1024;
const FETCH_WAIT_MS = 10_000;
const HEARTBEAT_MS = 15_000;
const RECONNECT_MS = 1000;
/** An event's id names them all. */
const PARTITIONS_MAX = 64;
const HEADERS = { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' };
const ID = /^\d+:\d+(,\d+:\d+)*$/;

export function tailRoute(terms: GatewayTerms): HttpRoute {
  return {
    method: 'GET',
    path: '/v1/topics/:topic/events',
    handle: async (request, [name]): Promise<HttpAnswer> => {
      const log = terms.log();
      const topic = topicNamed(log, name!);
      const positions = await positionsOf(log, topic, request);
      return {
        status: 200,
        headers: HEADERS,
        body: (stream) => tail(log, topic, positions, stream, request.signal, (reason) => terms.turnedAway(request.remote, reason)),
      };
    },
  };
}

/** Where each partition that was asked for begins. */
async function positionsOf(log: GatewayLog, topic: TopicImage, request: HttpRequest): Promise<Map<number, number>> {
  const given = request.query.get('partition');
  const asked = given === null ? topic.partitions.map(({ index }) => index) : given.split(',').map((text) => partitionNumber(topic, text));
  if (asked.length > PARTITIONS_MAX) {
    throw new HttpRefusal(400, `topic ${topic.name} has ${asked.length} partitions: name at most ${PARTITIONS_MAX} as partition=0,1,2`);
  }
  const last = request.header('last-event-id') ?? request.query.get('last-event-id') ?? '';
  if (last !== '' && !ID.test(last)) throw new HttpRefusal(400, `'${last}' is no id of an event of this topic`);
  const known = new Map(last === '' ? [] : last.split(',').map((pair) => pair.split(':').map(Number) as [number, number]));
  const from = request.query.get('offset') ?? 'latest';
  const positions = new Map<number, number>();
  for (const partition of asked) positions.set(partition, known.get(partition) ?? (await givenOffset(log, topic, partition, from)));
  return positions;
}

async function tail(
  log: GatewayLog,
  topic: TopicImage,
  positions: Map<number, number>,
  stream: AnswerStream,
  signal: AbortSignal,
  cutOff: (reason: string) => void,
): Promise<void> {
  const events = new EventWriter(stream);
  const heartbeat = setInterval(() => void events.write(': heartbeat\n\n').catch(() => undefined), HEARTBEAT_MS);
  const others = new AbortController();
  const stop = (): void => others.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    // Where it begins is an id too: who loses the connection before the first record comes back to the same place.
    await events.write(`retry: ${RECONNECT_MS}\nid: ${idOf(positions)}\nevent: begin\ndata: {}\n\n`);
    await Promise.all([...positions.keys()].map((partition) => follow(log, topic, partition, positions, events, others.signal)));
  } catch (error) {
    if (events.failed && !(error instanceof StalledReader)) throw error;
    if (error instanceof StalledReader) cutOff(error.message);
    const reason = error instanceof HttpRefusal || error instanceof StalledReader ? error.message : STOPPING.error;
    // Nobody waits until it is taken.
    void stream.write(`event: end\ndata: ${JSON.stringify({ error: reason })}\n\n`).catch(() => undefined);
  } finally {
    clearInterval(heartbeat);
    signal.removeEventListener('abort', stop);
    others.abort(new Error('the tail has ended'));
  }
}

async function follow(
  log: GatewayLog,
  topic: TopicImage,
  partition: number,
  positions: Map<number, number>,
  events: EventWriter,
  signal: AbortSignal,
): Promise<never> {
  for (;;) {
    const position = positions.get(partition)!;
    const { chunk, logStartOffset, highWatermark } = await fetchAt(log, topic, partition, position, FETCH_BYTES, FETCH_WAIT_MS, signal);
    if (chunk === null) {
      const next = position < logStartOffset ? logStartOffset : highWatermark;
      positions.set(partition, next);
      const gap = JSON.stringify({ partition, from: position, to: next });
      await events.write(`id: ${idOf(positions)}\nevent: gap\ndata: ${gap}\n\n`);
      continue;
    }
    // Ids are made when an event's turn to be written has come: another partition may have gone on meanwhile.
    await events.inTurn(async (write) => {
      for (let record = chunk.next(); record !== null; record = chunk.next()) {
        positions.set(partition, record.offset + 1);
        const data = JSON.stringify({ partition, ...recordJson(record) });
        await write(`id: ${idOf(positions)}\ndata: ${data}\n\n`);
      }
    });
    positions.set(partition, Math.max(positions.get(partition)!, chunk.nextOffset));
  }
}

function idOf(positions: ReadonlyMap<number, number>): string {
  let id = '';
  for (const [partition, offset] of positions) id += `${id === '' ? '' : ','}${partition}:${offset}`;
  return id;
}

/** Whole events, one writer at a time. */
class EventWriter {
  failed = false;
  private readonly stream: AnswerStream;
  private last: Promise<void> = Promise.resolve();

  constructor(stream: AnswerStream) {
    this.stream = stream;
  }

  write(text: string): Promise<void> {
    return this.inTurn((write) => write(text));
  }

  inTurn(job: (write: (text: string) => Promise<void>) => Promise<void>): Promise<void> {
    const turn = this.last.then(() => job((text) => this.send(text)));
    this.last = turn.catch(() => undefined);
    return turn;
  }

  private async send(text: string): Promise<void> {
    // Heartbeats that waited behind what failed: the answer has ended.
    if (this.failed) throw new Error('the tail has failed');
    try {
      await this.stream.write(text);
    } catch (error) {
      this.failed = true;
      throw error;
    }
  }
}
