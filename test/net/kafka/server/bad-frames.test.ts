// Frames that are no requests, or not ours: what the broker does with each, what it says, and that it goes on serving.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { apiVersionsApi } from '../../../../src/net/kafka/schema/generated/api-versions.ts';
import { fetchApi } from '../../../../src/net/kafka/schema/generated/fetch.ts';
import { metadataApi } from '../../../../src/net/kafka/schema/generated/metadata.ts';
import { produceApi } from '../../../../src/net/kafka/schema/generated/produce.ts';
import {
  decodeAnswer,
  fetchRequest,
  framed,
  produceRequest,
  type RawClient,
  reactorKinds,
  requestFrame,
  requestHeader,
  startTestBroker,
  type TestBroker,
  textBatch,
} from '../../../support/broker.ts';

const REQUEST_MAX_BYTES = 100_000;
const ASK_ALL = { topics: null };

function lengthOnly(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(length);
  return bytes;
}

describe.each(reactorKinds())('on the %s reactor', (reactor) => {
  let broker: TestBroker;
  let client: RawClient;

  beforeEach(async () => {
    broker = await startTestBroker({ kind: reactor, config: { 'socket.request.max.bytes': String(REQUEST_MAX_BYTES) } });
    client = await broker.client();
  });
  afterEach(async () => {
    await broker.stop();
  });

  /** Another connection is served as ever. */
  async function serves(): Promise<void> {
    const answer = await broker.ask((other) => other.call(metadataApi, 12, ASK_ALL));
    expect(answer.brokers).toHaveLength(1);
  }

  /** The bytes cost their sender the connection, and the log says why. */
  async function isRefused(bytes: Uint8Array, reason: RegExp): Promise<void> {
    await client.send(bytes);
    await client.closed();
    expect(client.takeFrame()).toBeNull();
    expect(await broker.logged(/^closed 127\.0\.0\.1:\d+: /)).toMatch(reason);
    await serves();
  }

  test('an API key nobody knows', () => isRefused(framed(requestHeader(99, 0, 1, false).copy()), /unknown or unsupported API key 99/));

  test('a negative API key', () => isRefused(framed(requestHeader(-1, 0, 1, false).copy()), /API key -1/));

  test.each([
    ['a version above the highest', 3, 100],
    ['a version below the lowest', 1, 3],
    ['a negative version', 3, -1],
    ['Produce of a version that is advertised only for old librdkafka', 0, 2],
  ])('%s', (_name, key, version) => isRefused(framed(requestHeader(key, version, 1, false).copy()), /version -?\d+/));

  test.each([6, 100, 0x7fff, -1])('ApiVersions version %i is answered with the versions there are', async (version) => {
    // A body that only that version's readers would understand.
    const header = requestHeader(apiVersionsApi.key, version, 77, true);
    header.raw(Buffer.from('a body from the future'));
    await client.send(framed(header.copy()));
    const { correlationId, response } = decodeAnswer(apiVersionsApi, 0, await client.frame());
    expect(correlationId).toBe(77);
    expect(response.errorCode).toBe(35);
    expect(response.apiKeys).toContainEqual({ apiKey: 18, minVersion: 0, maxVersion: apiVersionsApi.maxStableVersion });
    // The client comes again on the same connection.
    const again = await client.call(apiVersionsApi, 0, {});
    expect(again.errorCode).toBe(0);
    expect(again.apiKeys).toEqual(response.apiKeys);
  });

  test('a frame that stops half way waits for the rest', async () => {
    const frame = requestFrame(metadataApi, 12, ASK_ALL, 5);
    for (const cut of [1, 3, 4, 5, 11, frame.length - 1]) {
      await client.send(frame.subarray(0, cut));
      await serves();
      expect(client.isGone).toBe(false);
      expect(client.takeFrame()).toBeNull();
      await client.send(frame.subarray(cut));
      expect(decodeAnswer(metadataApi, 12, await client.frame()).correlationId).toBe(5);
    }
  });

  test('a frame that stops half way and ends with its connection', async () => {
    const frame = requestFrame(metadataApi, 12, ASK_ALL);
    await client.send(frame.subarray(0, frame.length - 1));
    client.end();
    await client.closed();
    expect(client.takeFrame()).toBeNull();
    await serves();
  });

  test('a request before the peer closes its side is still answered', async () => {
    await client.send(requestFrame(metadataApi, 12, ASK_ALL, 9));
    expect(decodeAnswer(metadataApi, 12, await client.frame()).correlationId).toBe(9);
    client.end();
    await client.closed();
  });

  test('a frame above socket.request.max.bytes', () =>
    isRefused(lengthOnly(REQUEST_MAX_BYTES + 1), /larger than socket\.request\.max\.bytes/));

  test('a frame of exactly socket.request.max.bytes is taken', async () => {
    const short = requestFrame(metadataApi, 12, ASK_ALL, 3, '');
    const clientId = 'x'.repeat(0x7fff);
    const header = requestHeader(metadataApi.key, 12, 3, false, clientId);
    // One unknown tag fills the header up.
    const body = short.subarray(4 + 8 + 2 + 1);
    const room = REQUEST_MAX_BYTES - header.copy().length - body.length;
    const tagBytes = room - 1 - 1 - 3;
    header.uvarint(1);
    header.uvarint(50);
    header.uvarint(tagBytes);
    header.raw(new Uint8Array(tagBytes));
    header.raw(body);
    const frame = framed(header.copy());
    expect(frame.length).toBe(4 + REQUEST_MAX_BYTES);
    await client.send(frame);
    expect(decodeAnswer(metadataApi, 12, await client.frame()).correlationId).toBe(3);
  });

  test.each([-1, -0x8000_0000])('a frame of length %i', (length) => isRefused(lengthOnly(length), /negative request length/));

  test.each([0, 1, 7])('a frame of %i bytes', (length) => isRefused(framed(new Uint8Array(length)), /malformed/));

  test('HTTP', () => isRefused(Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), /larger than socket\.request\.max\.bytes/));

  test('TLS', () => isRefused(Buffer.from('16030100a5010000a10303', 'hex'), /larger than socket\.request\.max\.bytes/));

  const header = requestHeader(metadataApi.key, 12, 1, true).copy();
  test.each([
    ['a client id longer than the frame', 8, [0x7f, 0xff], /malformed header/],
    ['a negative client id length', 8, [0xff, 0xfe], /malformed header/],
    ['header tags without end', header.length - 1, [0xff], /malformed header/],
    ['header tags beyond the frame', header.length - 1, [1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f], /malformed header/],
  ])('%s', async (_name, at, bytes, reason) => {
    const frame = Buffer.concat([header.subarray(0, at), Uint8Array.from(bytes)]);
    await isRefused(framed(frame), reason);
  });

  test.each([
    ['ends early', (body: Buffer) => body.subarray(0, body.length - 1)],
    ['is followed by more', (body: Buffer) => Buffer.concat([body, Buffer.of(0)])],
    ['is missing', (body: Buffer) => body.subarray(0, 0)],
  ])('a body that %s', async (name, change) => {
    // More than the body is an error only where records could hide in it; the next test has the other APIs.
    const strict = name !== 'is followed by more';
    for (const [api, version, whole] of [
      ...(strict ? ([12, 1] as const).map((v) => [metadataApi, v, requestFrame(metadataApi, v, ASK_ALL, 1)] as const) : []),
      [produceApi, 9, requestFrame(produceApi, 9, produceRequest('t', textBatch(['a'])), 1)],
      [produceApi, 3, requestFrame(produceApi, 3, produceRequest('t', textBatch(['a'])), 1)],
      [fetchApi, 12, requestFrame(fetchApi, 12, fetchRequest('t'), 1)],
      [fetchApi, 4, requestFrame(fetchApi, 4, fetchRequest('t'), 1)],
    ] as const) {
      const headerBytes = requestHeader(api.key, version, 1, version >= api.flexibleSince).copy().length;
      const payload = whole.subarray(4);
      const changed = Buffer.concat([payload.subarray(0, headerBytes), change(payload.subarray(headerBytes))]);
      const one = await broker.client();
      await one.send(framed(changed));
      await one.closed();
      expect(one.takeFrame(), `${api.name} v${version}`).toBeNull();
      await serves();
    }
    await broker.logged(/malformed/);
  });

  test.each([1, 9, 13])('Metadata version %i with bytes behind its body is answered, as librdkafka needs it', async (version) => {
    const frame = requestFrame(metadataApi, version, ASK_ALL, 4);
    await client.send(framed(Buffer.concat([frame.subarray(4), Buffer.of(0, 0, 0)])));
    expect(decodeAnswer(metadataApi, version, await client.frame()).correlationId).toBe(4);
    await serves();
  });

  const negative = [0xff, 0xff, 0xff, 0xfe];
  test.each([
    ['a topic array of length -2', metadataApi, 1, [...negative]],
    ['an array of two billion', metadataApi, 1, [0x7f, 0xff, 0xff, 0xff]],
    ['a topic name of length -2', metadataApi, 1, [0, 0, 0, 1, 0xff, 0xfe]],
    ['a null topic name', metadataApi, 1, [0, 0, 0, 1, 0xff, 0xff]],
    ['a compact array of four billion', metadataApi, 12, [0xff, 0xff, 0xff, 0xff, 0x0f]],
    ['a varint that never ends', metadataApi, 12, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
    ['null topics in a Fetch', fetchApi, 4, [...new Array<number>(17).fill(0), 0xff, 0xff, 0xff, 0xff]],
    ['a topic name of length -1 in a Fetch', fetchApi, 4, [...new Array<number>(17).fill(0), 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0, 0, 0]],
    ['a null topic name in a compact Fetch', fetchApi, 12, [...new Array<number>(25).fill(0), 2, 0, 1, 0, 1, 1, 0]],
    ['a topic array of length -2 in a Produce', produceApi, 3, [0xff, 0xff, 0, 1, 0, 0, 0, 1, ...negative]],
    ['a topic name of length -1 in a Produce', produceApi, 3, [0xff, 0xff, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0]],
    ['records of length -2', produceApi, 3, [0xff, 0xff, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0x74, 0, 0, 0, 1, 0, 0, 0, 0, ...negative]],
    ['a transactional id of length -2', produceApi, 3, [0xff, 0xfe, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]],
  ])('%s', async (_name, api, version, body) => {
    const writer = requestHeader(api.key, version, 1, version >= api.flexibleSince);
    writer.raw(Uint8Array.from(body));
    await isRefused(framed(writer.copy()), /malformed/);
  });

  test('elements without end in a frame within its limit', async () => {
    const size = 600_000;
    const roomy = await startTestBroker({ kind: reactor, config: { 'socket.request.max.bytes': String(size + 1000) } });
    try {
      // Empty names: two bytes each.
      const topics = Array.from({ length: size / 2 }, () => ({ name: '' }));
      const one = await roomy.client();
      await one.send(requestFrame(metadataApi, 1, { topics }));
      await one.closed();
      await roomy.logged(/malformed Metadata version 1: .*more array elements than one request may have/);
    } finally {
      await roomy.stop();
    }
  });

  test('one connection of many that misbehaves does not disturb the others', async () => {
    const others = await Promise.all(Array.from({ length: 5 }, () => broker.client()));
    const asked = others.map((other) => other.request(metadataApi, 12, ASK_ALL));
    await client.send(Buffer.concat([requestFrame(metadataApi, 12, ASK_ALL, 1), lengthOnly(-7), Buffer.alloc(1000)]));
    await client.closed();
    for (const [i, other] of others.entries()) await other.answer(metadataApi, 12, asked[i]!);
  });
});
