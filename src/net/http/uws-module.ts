// uWebSockets.js where it is installed and loads: its binary is for glibc, macOS and Windows, and for the Node versions its
// makers built it for. Owner: whichever thread opens an HTTP listener. Not hot.

import type * as Uws from 'uWebSockets.js';
import { HEADER_BYTES_MAX } from './http-server.ts';

export type UwsModule = typeof Uws;
export type LoadedUws = { readonly uws: UwsModule } | { readonly uws: null; readonly reason: string };

/** Read once, when the binary is loaded; 4096 otherwise. */
const HEADER_LIMIT = 'UWS_HTTP_MAX_HEADERS_SIZE';

export async function loadUws(): Promise<LoadedUws> {
  const own = process.env[HEADER_LIMIT] === undefined;
  if (own) process.env[HEADER_LIMIT] = String(HEADER_BYTES_MAX);
  try {
    return { uws: await import('uWebSockets.js') };
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_MODULE_NOT_FOUND') return { uws: null, reason: 'uWebSockets.js is not installed' };
    const { platform, arch, version } = process;
    return { uws: null, reason: `uWebSockets.js has no binary that loads on Node ${version}, ${platform} ${arch}` };
  } finally {
    if (own) delete process.env[HEADER_LIMIT];
  }
}
