// Addresses to listen on and to tell clients, and which cores serve.

import { describe, expect, it } from 'vitest';
import { listenersOfShard, resolveHttpListener, resolveListeners } from '../../../src/engine/base/config-listeners.ts';
import { parseBrokerConfig } from '../../../src/engine/base/config-broker.ts';
import { planShards } from '../../../src/engine/base/config-cores.ts';

function configOf(settings: Record<string, string>) {
  const result = parseBrokerConfig(Object.entries(settings).map(([name, value]) => ({ name, value, from: '--set' })));
  if (!result.ok) throw new Error(result.errors.join('\n'));
  return result.settings.config;
}

function resolved(settings: Record<string, string>) {
  const result = resolveListeners(configOf(settings), 'box');
  if (!result.ok) throw new Error(result.errors.join('\n'));
  return result;
}

function errorOf(settings: Record<string, string>): string {
  const result = resolveListeners(configOf(settings), 'box');
  return result.ok ? '' : result.errors.join('\n');
}

describe('resolveListeners', () => {
  it('listens on this machine only, unless told', () => {
    expect(resolved({})).toEqual({
      ok: true,
      mode: 'per-shard',
      listeners: [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 9092, advertisedHost: '127.0.0.1', advertisedPort: 9092 }],
    });
  });

  it.each([
    'PLAINTEXT://0.0.0.0:9092',
    'PLAINTEXT://:9092',
    'PLAINTEXT://10.0.0.1:9092',
    'PLAINTEXT://[::]:9092',
    'PLAINTEXT://localhost.example:1',
  ])('refuses %s without --insecure', (listeners) => {
    expect(errorOf({ listeners })).toContain('--insecure');
    expect(errorOf({ listeners, 'ringlog.insecure': 'true' })).toBe('');
  });

  it.each(['PLAINTEXT://localhost:9092', 'PLAINTEXT://127.1.2.3:9092', 'PLAINTEXT://[::1]:9092', 'plaintext://LOCALHOST:0'])(
    'allows %s',
    (listeners) => {
      expect(errorOf({ listeners })).toBe('');
    },
  );

  it('tells clients the name of the host where it listens everywhere', () => {
    const { listeners } = resolved({ listeners: 'PLAINTEXT://:9092', 'ringlog.insecure': 'true' });
    expect(listeners[0]).toMatchObject({ host: '', advertisedHost: 'box', advertisedPort: 9092 });
  });

  it('reads what compose files say: two listeners, a controller that is not here, one port published', () => {
    const result = resolved({
      listeners: 'INTERNAL://127.0.0.1:29092, EXTERNAL://127.0.0.1:9092,CONTROLLER://:9093',
      'advertised.listeners': 'INTERNAL://kafka:29092,EXTERNAL://localhost:19092',
      'listener.security.protocol.map': 'INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
      'controller.listener.names': 'CONTROLLER',
    });
    expect(result.mode).toBe('single');
    expect(result.listeners.map((one) => [one.name, one.port, one.advertisedHost, one.advertisedPort])).toEqual([
      ['INTERNAL', 29092, 'kafka', 29092],
      ['EXTERNAL', 9092, 'localhost', 19092],
    ]);
    expect(resolved({ 'advertised.listeners': 'PLAINTEXT://h:1', 'ringlog.listeners': 'per-shard' }).mode).toBe('per-shard');
  });

  it.each([
    [{ listeners: 'SSL://127.0.0.1:9093' }, 'SSL: encryption and authentication are not there yet'],
    [{ listeners: 'SASL_PLAINTEXT://127.0.0.1:9093' }, 'not there yet'],
    [{ listeners: 'MINE://127.0.0.1:9093' }, 'add MINE:PLAINTEXT to listener.security.protocol.map'],
    [{ listeners: '127.0.0.1:9092' }, 'is not an address'],
    [{ listeners: 'PLAINTEXT://127.0.0.1:70000' }, 'is not an address'],
    [{ listeners: 'PLAINTEXT://127.0.0.1' }, 'is not an address'],
    [{ listeners: '' }, 'names no address'],
    [{ listeners: 'PLAINTEXT://127.0.0.1:1,PLAINTEXT://127.0.0.1:2' }, 'names PLAINTEXT twice'],
    [
      { listeners: 'PLAINTEXT://127.0.0.1:1,B://127.0.0.1:1', 'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,B:PLAINTEXT' },
      'same port 1',
    ],
    [{ 'advertised.listeners': 'PLAINTEXT://0.0.0.0:9092' }, 'names no host'],
    [
      { 'advertised.listeners': 'OTHER://h:1', 'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,OTHER:PLAINTEXT' },
      'which listeners does not',
    ],
  ])('refuses %j', (settings, expected) => {
    expect(errorOf(settings as Record<string, string>)).toContain(expected);
  });
});

describe('listenersOfShard', () => {
  const map = { 'listener.security.protocol.map': 'A:PLAINTEXT,B:PLAINTEXT' };

  it('gives shard i the port i above, bound and advertised', () => {
    const { mode, listeners } = resolved({ 'advertised.listeners': 'PLAINTEXT://h:1000', 'ringlog.listeners': 'per-shard' });
    const third = listenersOfShard(listeners, mode, 2, 3);
    expect(third).toMatchObject({ ok: true, listeners: [{ port: 9094, advertisedPort: 1002 }] });
  });

  it('leaves a port that the kernel chooses to the kernel', () => {
    const { mode, listeners } = resolved({ listeners: 'PLAINTEXT://127.0.0.1:0' });
    expect(listenersOfShard(listeners, mode, 1, 2)).toMatchObject({ ok: true, listeners: [{ port: 0, advertisedPort: 0 }] });
  });

  it('gives all shards one port in single mode', () => {
    const { mode, listeners } = resolved({ 'ringlog.listeners': 'single' });
    expect(listenersOfShard(listeners, mode, 2, 3)).toMatchObject({ ok: true, listeners: [{ port: 9092 }] });
  });

  it.each([
    ['A://127.0.0.1:9092,B://127.0.0.1:9093', 2, 'B is on 9093'],
    ['A://127.0.0.1:9093,B://127.0.0.1:9092', 2, 'A is on 9093'],
    ['A://127.0.0.1:65535', 2, 'ports end at 65535'],
  ])('refuses %s for %i shards', (text, shards, expected) => {
    const { mode, listeners } = resolved({ listeners: text, ...map });
    const result = listenersOfShard(listeners, mode, 0, shards);
    expect(result.ok ? '' : result.error).toContain(expected);
    expect(listenersOfShard(listeners, mode, 0, 1).ok).toBe(true);
  });
});

describe('planShards', () => {
  it.each([
    [{}, [0, 1, 2], { shardCount: 3, cores: [0, 1, 2] }],
    [{}, [], { shardCount: 1, cores: [] }],
    [{ 'ringlog.shards': '0' }, [0, 1], { shardCount: 0, cores: [] }],
    [{ 'ringlog.shards': '3' }, [4, 5], { shardCount: 3, cores: [4, 5, 4] }],
    [{ 'ringlog.cpus': '1-2,7,9' }, [0, 1, 2, 7], { shardCount: 3, cores: [1, 2, 7] }],
    [{ 'ringlog.cpus': '3,1', 'ringlog.shards': '1' }, [0, 1, 2, 3], { shardCount: 1, cores: [3] }],
  ])('plans %j on cores %j', (settings, usable, expected) => {
    expect(planShards(configOf(settings as Record<string, string>), usable)).toEqual(expected);
  });
});

describe('resolveHttpListener', () => {
  const resolved = (settings: Record<string, string>) => resolveHttpListener(configOf(settings));
  const listener = (host: string, port: number, loopback: boolean, token: string | null = null) => ({
    ok: true,
    listener: { host, port, token, loopback },
  });

  it('is off unless set', () => expect(resolved({})).toEqual({ ok: true, listener: null }));

  it('takes an address of this machine as it is', () => {
    expect(resolved({ 'ringlog.http.listener': '127.0.0.1:9464' })).toEqual(listener('127.0.0.1', 9464, true));
    expect(resolved({ 'ringlog.http.listener': '[::1]:0' })).toEqual(listener('::1', 0, true));
  });

  it('wants a token, or leave to be open, where others can come', () => {
    for (const address of [':9464', '0.0.0.0:9464', 'box:9464', '[::]:9464']) {
      const refused = resolved({ 'ringlog.http.listener': address });
      expect(refused.ok).toBe(false);
      expect(JSON.stringify(refused)).toContain('ringlog.http.token');
    }
    expect(resolved({ 'ringlog.http.listener': ':9464', 'ringlog.http.token': 's' })).toEqual(listener('', 9464, false, 's'));
    expect(resolved({ 'ringlog.http.listener': 'box:9464', 'ringlog.insecure': 'true' })).toEqual(listener('box', 9464, false));
  });

  it('refuses a port there is not, and takes an empty token for none', () => {
    expect(resolved({ 'ringlog.http.listener': '127.0.0.1:70000' }).ok).toBe(false);
    expect(resolved({ 'ringlog.http.listener': ':1', 'ringlog.http.token': '' }).ok).toBe(false);
  });
});
