// What carries the gateway in the suites that run on both engines. Owner: the test's thread.

/** Set before a suite is loaded; auto is uWebSockets.js wherever it loads. */
export const engineUnderTest: { name: 'auto' | 'node' } = { name: 'auto' };

export function httpConfig(): Readonly<Record<string, string>> {
  return { 'ringlog.http.listener': '127.0.0.1:0', 'ringlog.http.engine': engineUnderTest.name };
}
