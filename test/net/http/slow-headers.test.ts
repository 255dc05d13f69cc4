// Clients that do not come to an end with the headers of a request, in real time: both engines count with a clock of their own.

import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type HttpEngineChoice, httpEngine } from '../../../src/net/http/http-engine.ts';
import { loadUws } from '../../../src/net/http/uws-module.ts';

/** The limit is 10 s. Left to itself node:http looks after 30 s. */
const DEADLINE_MS = 26_000;

const engines: HttpEngineChoice[] = (await loadUws()).uws === null ? ['node'] : ['uws', 'node'];
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function ended(port: number, begin: string, drip: string): Promise<string> {
  return new Promise((resolve) => {
    const socket: Socket = connect(port, '127.0.0.1');
    let heard = '';
    const timer = setInterval(() => socket.write(drip), 200);
    closers.push(() => (clearInterval(timer), socket.destroy()));
    socket
      .on('data', (piece) => (heard += piece.toString('latin1')))
      .on('error', () => undefined)
      .on('close', () => resolve(heard));
    socket.write(begin);
  });
}

test('who does not end the headers within 10 s is cut off, however many bytes come', { timeout: DEADLINE_MS }, async () => {
  let asked = 0;
  const all = engines.map(async (choice) => {
    const { listen } = await httpEngine(choice);
    const nothing = async () => (asked++, { status: 404, body: '' });
    const { port, close } = await listen('127.0.0.1', 0, { answer: nothing, upgrade: nothing });
    closers.push(close);
    const head = 'GET / HTTP/1.1\r\nhost: a\r\n';
    return [
      choice,
      ...(await Promise.all([ended(port, '', ''), ended(port, head, ''), ended(port, `${head}x: `, 'a'), ended(port, head, 'x: y\r\n')])),
    ];
  });
  for (const [choice, ...heard] of await Promise.all(all)) {
    const expected = choice === 'node' ? expect.stringMatching(/^HTTP\/1.1 408 /) : '';
    expect([choice, ...heard]).toEqual([choice, expected, expected, expected, expected]);
  }
  expect(asked).toBe(0);
});
