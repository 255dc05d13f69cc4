// A module of bench/ for a test: plain JavaScript, which the type checker does not follow. Owner: the test's thread.

export function benchModule(name: string): Promise<any> {
  return import(/* @vite-ignore */ new URL(`../../bench/${name}`, import.meta.url).href);
}
