// Chooses what carries HTTP: uWebSockets.js where it loads, else node:http with ws. Owner: the supervisor's thread. Not hot.

import type { HttpListening, HttpService } from './http-server.ts';
import { loadUws } from './uws-module.ts';

/** `ringlog.http.engine`: auto takes uWebSockets.js where it loads. */
export type HttpEngineChoice = 'auto' | 'uws' | 'node';

export interface HttpEngineFacts {
  readonly name: 'uWebSockets.js' | 'node:http';
  /** Why it is this one. */
  readonly reason: string;
}

interface HttpEngine extends HttpEngineFacts {
  readonly listen: (host: string, port: number, service: HttpService) => Promise<HttpListening>;
}

/** The engine that was asked for by name does not load here. */
class HttpEngineAbsent extends Error {
  override readonly name = 'HttpEngineAbsent';
}

/**
 * @param mayEnd this thread can end before the process does: what uWebSockets.js has open then takes the process with it
 * @throws HttpEngineAbsent when uWebSockets.js is asked for by name and does not load
 */
export async function httpEngine(choice: HttpEngineChoice, mayEnd = false): Promise<HttpEngine> {
  if (choice === 'node') return nodeEngine('asked for (ringlog.http.engine=node)');
  if (choice === 'auto' && mayEnd) return nodeEngine('uWebSockets.js is not for threads that may be ended');
  const loaded = await loadUws();
  if (loaded.uws === null) {
    if (choice === 'uws') throw new HttpEngineAbsent(`ringlog.http.engine=uws: ${loaded.reason}; node serves without it`);
    return nodeEngine(loaded.reason);
  }
  const { listenUws } = await import('./uws-http-server.ts');
  const { uws } = loaded;
  return {
    name: 'uWebSockets.js',
    reason: choice === 'uws' ? 'asked for (ringlog.http.engine=uws)' : 'its binary loads here',
    listen: (host, port, service) => listenUws(uws, host, port, service),
  };
}

async function nodeEngine(reason: string): Promise<HttpEngine> {
  const { listenNodeHttp } = await import('./node-http-server.ts');
  return { name: 'node:http', reason, listen: listenNodeHttp };
}
