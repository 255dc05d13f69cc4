// open({ http }): the gateway beside the calls of the same process, with its token and the application's own word on requests.

import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { open } from '../../src/embed/open.ts';
import { root } from '../workers/compiled.ts';
import { KINDS, useTemporaryLogs } from './temporary-log.ts';

const logs = useTemporaryLogs();

test('the gateway serves what the process reads and writes; authorize has the last word', async () => {
  const asked: string[] = [];
  const http = {
    port: 0,
    token: 'secret-1',
    authorize: (request: { method: string; path: string }) => {
      asked.push(`${request.method} ${request.path}`);
      return request.method === 'GET';
    },
  };
  const log = await logs.open(KINDS[0], { topics: { clicks: 1 }, http });
  await log.producer().send('clicks', { value: 'from within' });
  const at = `http://127.0.0.1:${log.httpPort}/v1/topics/clicks`;
  const authorization = 'Bearer secret-1';
  expect((await fetch(`${at}/offsets`)).status).toBe(401);
  const read = await fetch(`${at}/partitions/0/records`, { headers: { authorization } });
  expect(await read.json()).toMatchObject({ records: [{ offset: 0, value: 'from within' }] });
  const headers = { authorization, 'content-type': 'text/plain' };
  expect((await fetch(`${at}/records`, { method: 'POST', headers, body: 'x' })).status).toBe(403);
  expect(asked).toEqual(['GET /v1/topics/clicks/partitions/0/records', 'POST /v1/topics/clicks/records']);
});

test('beyond this machine it wants a token, and says so', async () => {
  const dir = logs.directory();
  await expect(open({ dir, shards: 0, http: { port: 0, host: '0.0.0.0' } })).rejects.toThrow(/ringlog.http.token/);
});

test('in a thread of yours: long headers and pipelined requests are taken, and the thread may be ended at any time', async () => {
  const worker = new Worker(join(root, 'test/embed/http-thread.mjs'), { workerData: { dir: logs.directory() }, execArgv: [] });
  const [port] = (await once(worker, 'message')) as [number];
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  let heard = '';
  const answered = new Promise<void>((resolve) => {
    socket.on('data', (text: string) => {
      heard += text;
      if (heard.split('"clicks"').length === 3) resolve();
    });
  });
  socket.write(`GET /v1/topics HTTP/1.1\r\nhost: localhost\r\nx-long: ${'l'.repeat(8000)}\r\n\r\n`.repeat(2));
  await answered;
  expect(heard.match(/HTTP\/1.1 200 OK/g)).toHaveLength(2);
  const closed = once(socket, 'close');
  // Its listener and a connection are open: uWebSockets.js would abort the process.
  await worker.terminate();
  await closed;
});
