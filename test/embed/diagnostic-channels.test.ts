// What tracing of others hears: appends, fetches and HTTP requests of this process, from begin to end, and of nothing when
// nobody listens.

import { tracingChannel, type TracingChannelSubscribers } from 'node:diagnostics_channel';
import { afterEach, expect, test } from 'vitest';
import { KINDS, useTemporaryLogs } from './temporary-log.ts';

const logs = useTemporaryLogs();
const PHASES = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const;
let stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops) stop();
  stops = [];
});

interface Heard {
  readonly phase: string;
  readonly event: Record<string, unknown>;
}

function listen(name: string): Heard[] {
  const heard: Heard[] = [];
  const channel = tracingChannel(name);
  const handlers = Object.fromEntries(
    PHASES.map((phase) => [phase, (event: object) => void heard.push({ phase, event: { ...event } })]),
  ) as unknown as TracingChannelSubscribers<object>;
  channel.subscribe(handlers);
  stops.push(() => channel.unsubscribe(handlers));
  return heard;
}

const phases = (heard: readonly Heard[]): string[] => heard.map(({ phase }) => phase);

test.each([KINDS[0], KINDS[1]])('appends, fetches and requests are told with where they went and how they ended, $name', async (kind) => {
  const log = await logs.open(kind, { topics: { clicks: 1 }, http: { port: 0 } });
  const [appends, fetches, requests] = ['ringlog:append', 'ringlog:fetch', 'ringlog:http'].map(listen) as [Heard[], Heard[], Heard[]];
  await log.producer({ acks: 1 }).send('clicks', { value: 'one' });
  expect(phases(appends)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
  const append = { topic: 'clicks', partition: 0, records: 1, bytes: expect.any(Number), acks: 1 };
  expect(appends[0]!.event).toEqual(append);
  expect(appends.at(-1)!.event).toEqual({ ...append, errorCode: 0, offset: 0 });
  const root = `http://127.0.0.1:${log.httpPort}/v1/topics/clicks`;
  const headers = { 'content-type': 'text/plain', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
  await fetch(`${root}/records`, { method: 'POST', headers, body: 'two' });
  expect(appends.at(-1)!.event).toMatchObject({ records: 1, acks: -1, offset: 1 });
  expect(phases(requests)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
  const { header, ...request } = requests.at(-1)!.event;
  expect(request).toMatchObject({ method: 'POST', path: '/v1/topics/clicks/records', route: '/v1/topics/:topic/records', status: 200 });
  expect((header as (name: string) => string)('traceparent')).toBe(headers.traceparent);
  await fetch(`${root}/partitions/0/records?offset=1`);
  const last = fetches.at(-1)!;
  expect([last.phase, last.event]).toEqual([
    'asyncEnd',
    expect.objectContaining({
      topic: 'clicks',
      partition: 0,
      offset: 1,
      result: expect.objectContaining({ errorCode: 0, highWatermark: 2 }),
    }),
  ]);
  expect((last.event['result'] as { records: Uint8Array }).records.length).toBeGreaterThan(60);
  await fetch(`http://127.0.0.1:${log.httpPort}/nothing`);
  expect(requests.at(-1)!.event).toMatchObject({ path: '/nothing', status: 404 });
  expect(requests.at(-1)!.event).not.toHaveProperty('route');
  // What waits when the log closes has an error.
  const waiting = log.access.fetch('clicks', 0, 2, 1, 60_000);
  await Promise.all([expect(waiting).rejects.toThrow(), log.close()]);
  expect(phases(fetches).slice(-3)).toEqual(['error', 'asyncStart', 'asyncEnd']);
  // Who listens no more hears no more.
  const counts = [appends.length, fetches.length, requests.length];
  for (const stop of stops.splice(0)) stop();
  const next = await logs.open(kind, { topics: { clicks: 1 } });
  await next.producer().send('clicks', { value: 'x' });
  expect([appends.length, fetches.length, requests.length]).toEqual(counts);
});
