// One line a bad client and reason, whatever it does; many clients at once do not flood the log.

import { beforeEach, expect, test } from 'vitest';
import { ClientLines } from '../../../src/workers/shard/client-lines.ts';

let now = 0;
let said: string[] = [];
let lines: ClientLines;

beforeEach(() => {
  now = 0;
  said = [];
  lines = new ClientLines(
    ({ message }) => void said.push(message),
    () => now,
  );
});

test('a client that does the same again has one line a minute, which says how often', () => {
  for (let port = 1; port <= 1000; port++) {
    now += 50;
    lines.refused(`10.0.0.1:${port}`, 'app', 'malformed request');
  }
  expect(said).toEqual(['closed 10.0.0.1:1: malformed request']);
  now += 60_000;
  lines.refused('10.0.0.1:7', 'app', 'malformed request');
  expect(said.slice(1)).toEqual(['closed 10.0.0.1:7: malformed request (and 999 times since the last line about it)']);
});

test('another client, another id and another reason have lines of their own', () => {
  lines.refused('10.0.0.1:1', 'app', 'malformed request');
  lines.refused('10.0.0.2:1', 'app', 'malformed request');
  lines.refused('10.0.0.1:1', 'other', 'malformed request');
  lines.refused('[::1]:1', 'app', 'too large');
  expect(said).toHaveLength(4);
});

test('many clients at once have five lines a second, then one for all others', () => {
  for (let host = 0; host < 100; host++) lines.refused(`10.0.0.${host}:1`, '', 'malformed request');
  expect(said).toHaveLength(5);
  now += 1000;
  lines.refused('10.0.1.1:1', '', 'malformed request');
  expect(said.slice(5)).toEqual(['95 more closed for bad requests', 'closed 10.0.1.1:1: malformed request']);
});

test('clients that come once are forgotten, however many there are', () => {
  for (let host = 0; host < 1000; host++) {
    now += 300;
    lines.refused(`10.1.${host >> 8}.${host & 255}:1`, '', 'malformed request');
  }
  expect(said).toHaveLength(1000);
  expect((lines as unknown as { known: Map<string, unknown> }).known.size).toBe(256);
});
