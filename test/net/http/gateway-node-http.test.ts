// Of the gateway's suites those that lean on what carries them, over node:http and ws: by themselves they run over
// uWebSockets.js where it loads. What a POST says does not depend on it; see http-carrier.test.ts.

import { describe } from 'vitest';
import { engineUnderTest } from './http-config.ts';

engineUnderTest.name = 'node';
describe('over node:http', () => {
  describe('read', async () => void (await import('./gateway-read.test.ts')));
  describe('stream', async () => void (await import('./gateway-stream.test.ts')));
});
