// Serves the page and Ringlog's client beside it. Any server of static files does.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

const { PORT = '8000' } = process.env;

const files = {
  '/': ['text/html; charset=utf-8', await readFile(new URL('index.html', import.meta.url))],
  '/ringlog.js': ['text/javascript', await readFile(new URL(import.meta.resolve('ringlog/browser')))],
};
const server = createServer(({ url }, response) => {
  const [type, body] = files[new URL(url, 'http://localhost').pathname] ?? [];
  if (body === undefined) response.writeHead(404).end();
  else response.writeHead(200, { 'content-type': type }).end(body);
});
server.listen(Number(PORT), '127.0.0.1', () => console.log(`page: http://localhost:${server.address().port}`));
