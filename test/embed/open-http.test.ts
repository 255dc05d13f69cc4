// open({ http }): the gateway beside the calls of the same process, with its token and the application's own word on requests.

import { expect, test } from 'vitest';
import { open } from '../../src/embed/open.ts';
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
  const root = `http://127.0.0.1:${log.httpPort}/v1/topics/clicks`;
  const authorization = 'Bearer secret-1';
  expect((await fetch(`${root}/offsets`)).status).toBe(401);
  const read = await fetch(`${root}/partitions/0/records`, { headers: { authorization } });
  expect(await read.json()).toMatchObject({ records: [{ offset: 0, value: 'from within' }] });
  const headers = { authorization, 'content-type': 'text/plain' };
  expect((await fetch(`${root}/records`, { method: 'POST', headers, body: 'x' })).status).toBe(403);
  expect(asked).toEqual(['GET /v1/topics/clicks/partitions/0/records', 'POST /v1/topics/clicks/records']);
});

test('beyond this machine it wants a token, and says so', async () => {
  const dir = logs.directory();
  await expect(open({ dir, shards: 0, http: { port: 0, host: '0.0.0.0' } })).rejects.toThrow(/ringlog.http.token/);
});
