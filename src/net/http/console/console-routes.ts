// The console: a page at / with its style and script, served from the package, and the numbers it asks for.
// Owner: the supervisor's thread. Not hot.

import { readFileSync } from 'node:fs';
import { packageFile } from '../../../engine/base/package-file.ts';
import type { BrokerView } from '../broker-view.ts';
import { type HttpRoute, jsonAnswer } from '../http-exchange.ts';
import { consoleState } from './console-state.ts';

const FILES = [
  { path: '/', file: 'index.html', type: 'text/html; charset=utf-8' },
  { path: '/console/console.css', file: 'console.css', type: 'text/css; charset=utf-8' },
  { path: '/console/console.js', file: 'console.js', type: 'text/javascript; charset=utf-8' },
];

export function consoleRoutes(view: BrokerView): HttpRoute[] {
  const files = FILES.map(({ path, file, type }): HttpRoute => {
    const body = readFileSync(packageFile(`console/${file}`));
    const headers = { 'content-type': type, 'cache-control': 'no-cache' };
    return { method: 'GET', path, open: true, handle: () => ({ status: 200, headers, body }) };
  });
  return [...files, { method: 'GET', path: '/console/state.json', handle: () => jsonAnswer(200, consoleState(view)) }];
}
