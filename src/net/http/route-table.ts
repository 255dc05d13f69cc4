// Which routes there are at a path: whole segments, with a colon for any one. Owner: the supervisor's thread. Warm: a
// request of the gateway finds its route here.

import type { HttpRoute } from './http-exchange.ts';

export interface FoundRoutes {
  /** One a method. */
  readonly routes: readonly HttpRoute[];
  readonly params: readonly string[];
}

interface Entry {
  readonly segments: readonly string[];
  readonly routes: HttpRoute[];
}

const NOTHING: FoundRoutes = { routes: [], params: [] };

export class RouteTable {
  private readonly fixed = new Map<string, FoundRoutes & { readonly routes: HttpRoute[] }>();
  private readonly patterns: Entry[] = [];

  constructor(routes: readonly HttpRoute[]) {
    for (const route of routes) this.add(route);
  }

  find(path: string): FoundRoutes {
    const fixed = this.fixed.get(path);
    if (fixed !== undefined) return fixed;
    const segments = path.split('/');
    for (const { segments: pattern, routes } of this.patterns) {
      const params = matched(pattern, segments);
      if (params !== null) return { routes, params };
    }
    return NOTHING;
  }

  private add(route: HttpRoute): void {
    if (!route.path.includes(':')) {
      const there = this.fixed.get(route.path);
      if (there === undefined) this.fixed.set(route.path, { routes: [route], params: [] });
      else there.routes.push(route);
      return;
    }
    const there = this.patterns.find(({ routes }) => routes[0]!.path === route.path);
    if (there === undefined) this.patterns.push({ segments: route.path.split('/'), routes: [route] });
    else there.routes.push(route);
  }
}

/** What stood for the colons; null when the path is another, or no text. */
function matched(pattern: readonly string[], segments: readonly string[]): string[] | null {
  if (pattern.length !== segments.length) return null;
  const params: string[] = [];
  for (let i = 0; i < pattern.length; i++) {
    if (!pattern[i]!.startsWith(':')) {
      if (pattern[i] !== segments[i]) return null;
      continue;
    }
    try {
      params.push(decodeURIComponent(segments[i]!));
    } catch {
      return null;
    }
  }
  return params;
}
