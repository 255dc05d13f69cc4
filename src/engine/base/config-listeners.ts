// Where a broker listens and what it tells clients: `listeners` and `advertised.listeners` read and checked.
// Owner: the supervisor's thread, at start. Not hot.

import type { BrokerConfig } from './config-schema.ts';

export interface Listener {
  /** As PLAINTEXT, or a name that listener.security.protocol.map maps to it. */
  readonly name: string;
  /** '' is every interface. */
  readonly host: string;
  /** 0: the kernel chooses. */
  readonly port: number;
  readonly advertisedHost: string;
  /** 0: the one that is bound. */
  readonly advertisedPort: number;
}

/** per-shard: shard i listens on port + i. single: one port, connections spread over the shards. */
export type ListenerMode = 'per-shard' | 'single';

export type ResolvedListeners =
  | { readonly ok: true; readonly mode: ListenerMode; readonly listeners: readonly Listener[] }
  | { readonly ok: false; readonly errors: readonly string[] };

interface Address {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

const ADDRESS = /^([A-Za-z0-9_-]+):\/\/(?:\[([0-9A-Fa-f:.%]+)\]|([A-Za-z0-9._%-]*)):(\d{1,5})$/;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/i;
const WILDCARDS = new Set(['', '0.0.0.0', '::']);
const PORT_MAX = 65535;

/** `hostName` is what clients are told where a listener is on every interface. */
export function resolveListeners(config: BrokerConfig, hostName: string): ResolvedListeners {
  const errors: string[] = [];
  const bound = ownAddresses(config, 'listeners', config.listeners, errors);
  const advertised = ownAddresses(config, 'advertised.listeners', config['advertised.listeners'] ?? [], errors);
  if (bound.length === 0 && errors.length === 0) errors.push('listeners names no address');
  errors.push(...duplicateProblems('listeners', bound), ...bound.flatMap((address) => boundProblems(config, address)));
  errors.push(...duplicateProblems('advertised.listeners', advertised));
  errors.push(...advertised.flatMap((address) => advertisedProblems(address, bound)));
  if (errors.length > 0) return { ok: false, errors: [...new Set(errors)] };
  const listeners = bound.map((address): Listener => {
    const told = advertised.find(({ name }) => name === address.name);
    const reachable = WILDCARDS.has(address.host) ? hostName : address.host;
    return { ...address, advertisedHost: told?.host ?? reachable, advertisedPort: told?.port ?? address.port };
  });
  return { ok: true, mode: listenerMode(config), listeners };
}

function listenerMode(config: BrokerConfig): ListenerMode {
  const asked = config['ringlog.listeners'];
  if (asked !== 'auto') return asked;
  // Whoever advertises names the ports that are published; the ones next to it are most likely not.
  return config['advertised.listeners'] === null ? 'per-shard' : 'single';
}

export type ShardListeners =
  | { readonly ok: true; readonly listeners: readonly Listener[] }
  | { readonly ok: false; readonly error: string };

/** The listeners of one shard out of `shardCount`. */
export function listenersOfShard(listeners: readonly Listener[], mode: ListenerMode, shard: number, shardCount: number): ShardListeners {
  if (mode === 'single') return { ok: true, listeners };
  const error = rangeProblem(listeners, shardCount);
  if (error !== null) return { ok: false, error };
  const shifted = (port: number) => (port === 0 ? 0 : port + shard);
  return {
    ok: true,
    listeners: listeners.map((one) => ({ ...one, port: shifted(one.port), advertisedPort: shifted(one.advertisedPort) })),
  };
}

/** Listeners that take one port a shard must leave each other room. */
function rangeProblem(listeners: readonly Listener[], shardCount: number): string | null {
  for (const one of listeners) {
    if (one.port + shardCount - 1 > PORT_MAX) {
      return `listener ${one.name} needs ports ${one.port} to ${one.port + shardCount - 1} for ${shardCount} shards; ports end at ${PORT_MAX}`;
    }
    const other = listeners.find(
      (candidate) => candidate.name !== one.name && one.port !== 0 && candidate.port >= one.port && candidate.port < one.port + shardCount,
    );
    if (other !== undefined && sharesHost(one.host, other.host)) {
      return `listener ${one.name} needs ports ${one.port} to ${one.port + shardCount - 1} for ${shardCount} shards, and ${other.name} is on ${other.port}; move one or set ringlog.listeners=single`;
    }
  }
  return null;
}

function ownAddresses(config: BrokerConfig, key: string, texts: readonly string[], errors: string[]): Address[] {
  const addresses: Address[] = [];
  for (const text of texts) {
    const address = parseAddress(text);
    if (address === null) {
      errors.push(`${key}: '${text}' is not an address; accepted is NAME://host:port, as PLAINTEXT://127.0.0.1:9092`);
      continue;
    }
    if (config['controller.listener.names'].includes(address.name)) continue;
    const problem = protocolProblem(config, address.name);
    if (problem === null) addresses.push(address);
    else errors.push(problem);
  }
  return addresses;
}

function parseAddress(text: string): Address | null {
  const match = ADDRESS.exec(text);
  if (match === null || Number(match[4]) > PORT_MAX) return null;
  // Listener names are upper case wherever they are compared.
  return { name: match[1]!.toUpperCase(), host: match[2] ?? match[3]!, port: Number(match[4]) };
}

function protocolProblem(config: BrokerConfig, name: string): string | null {
  const pairs = config['listener.security.protocol.map'].map((pair) => pair.split(':'));
  const protocol = pairs.find(([listener]) => listener?.toUpperCase() === name)?.[1]?.toUpperCase();
  if (protocol === 'PLAINTEXT') return null;
  if (protocol === undefined) {
    // A map that is given replaces the default one, which had the protocols under their own names.
    if (name === 'PLAINTEXT') return null;
    return `listener ${name} has no protocol; add ${name}:PLAINTEXT to listener.security.protocol.map`;
  }
  return `listener ${name} speaks ${protocol}: encryption and authentication are not there yet; only PLAINTEXT is`;
}

function duplicateProblems(key: string, addresses: readonly Address[]): string[] {
  const problems: string[] = [];
  addresses.forEach((one, i) => {
    for (const other of addresses.slice(0, i)) {
      if (one.name === other.name) problems.push(`${key} names ${one.name} twice`);
      else if (key === 'listeners' && one.port !== 0 && one.port === other.port && sharesHost(one.host, other.host)) {
        problems.push(`${key}: ${other.name} and ${one.name} have the same port ${one.port}`);
      }
    }
  });
  return problems;
}

function sharesHost(a: string, b: string): boolean {
  return a === b || WILDCARDS.has(a) || WILDCARDS.has(b);
}

export interface HttpListener {
  /** '' is every interface. */
  readonly host: string;
  readonly port: number;
  readonly token: string | null;
  /** Only this machine can connect. */
  readonly loopback: boolean;
}

export type ResolvedHttpListener =
  | { readonly ok: true; readonly listener: HttpListener | null }
  | { readonly ok: false; readonly error: string };

export function resolveHttpListener(config: BrokerConfig): ResolvedHttpListener {
  const text = config['ringlog.http.listener'];
  if (text === null) return { ok: true, listener: null };
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, colon).replace(/^\[|\]$/g, '');
  const port = Number(text.slice(colon + 1));
  const token = config['ringlog.http.token'];
  const loopback = LOOPBACK.test(host);
  if (port > PORT_MAX) return { ok: false, error: `ringlog.http.listener: ports end at ${PORT_MAX}, not at ${port}` };
  if (loopback || token !== null || config['ringlog.insecure']) return { ok: true, listener: { host, port, token, loopback } };
  return {
    ok: false,
    error:
      `ringlog.http.listener ${text} can be reached from other machines and asks nobody who they are; listen on 127.0.0.1, ` +
      'set ringlog.http.token, or allow it with --insecure (ringlog.insecure=true)',
  };
}

function boundProblems(config: BrokerConfig, { name, host, port }: Address): string[] {
  if (LOOPBACK.test(host) || config['ringlog.insecure']) return [];
  return [
    `listener ${name}://${host}:${port} can be reached from other machines and nothing encrypts or authenticates; ` +
      'listen on 127.0.0.1, or allow it with --insecure (ringlog.insecure=true)',
  ];
}

function advertisedProblems({ name, host, port }: Address, bound: readonly Address[]): string[] {
  if (WILDCARDS.has(host)) {
    return [`advertised.listeners: ${name}://${host}:${port} names no host that a client could connect to`];
  }
  if (bound.some((address) => address.name === name)) return [];
  return [`advertised.listeners names ${name}, which listeners does not`];
}
