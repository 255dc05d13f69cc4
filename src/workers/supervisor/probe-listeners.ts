// Whether the addresses to listen on can be had, asked before anything is written: a start that is refused leaves a new
// directory empty. Owner: the supervisor's thread. Not hot.
//
// Each is bound and let go again; the shards bind them for good when they can answer. SO_REUSEPORT is not set, so this
// also finds another process that would silently share the port.

import { createServer, type Server } from 'node:net';
import type { Listener } from '../../engine/base/config-listeners.ts';

/** @throws an Error with `code` EADDRINUSE, EACCES, EADDRNOTAVAIL … */
export async function probeListeners(listeners: readonly Listener[]): Promise<void> {
  const servers: Server[] = [];
  try {
    for (const { host, port } of listeners) {
      const server = createServer();
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host, port, exclusive: true }, resolve);
      });
      servers.push(server);
    }
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}
