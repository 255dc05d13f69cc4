// Where settings come from: properties files, the environment, --set.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { environmentEntries, readConfigSources } from '../../../src/engine/base/config-sources.ts';
import { parseProperties } from '../../../src/engine/base/config-properties.ts';

function pairs(text: string): [string, string][] {
  const result = parseProperties(text, 'f');
  if (!result.ok) throw new Error(result.errors.join());
  return result.entries.map(({ name, value }) => [name, value]);
}

describe('properties', () => {
  it.each<[string, string, [string, string][]]>([
    ['equals', 'a=b', [['a', 'b']]],
    ['colon', 'a:b', [['a', 'b']]],
    ['white space', 'a b c', [['a', 'b c']]],
    ['space around the separator', '  a \t= \f b ', [['a', 'b ']]],
    ['a separator in the value', 'a==b=c', [['a', '=b=c']]],
    [
      'no value',
      'a\nb=\n',
      [
        ['a', ''],
        ['b', ''],
      ],
    ],
    ['comments', '# a=b\n  ! c=d\ne=#f', [['e', '#f']]],
    [
      'blank lines',
      '\n \t\n\r\na=1\r\nb=2\rc=3',
      [
        ['a', '1'],
        ['b', '2'],
        ['c', '3'],
      ],
    ],
    ['continuation', 'a=1,\\\n   2,\\\r\n\t3', [['a', '1,2,3']]],
    [
      'an even number of backslashes',
      'a=1\\\\\nb=2',
      [
        ['a', '1\\'],
        ['b', '2'],
      ],
    ],
    ['a comment sign on a continuation', 'a=1\\\n#2', [['a', '1#2']]],
    ['continuation at the end', 'a=1\\', [['a', '1']]],
    ['escaped separators', 'a\\=b\\ c\\:d=e', [['a=b c:d', 'e']]],
    ['escapes', 'a=\\t\\n\\r\\f\\q\\u00e9\\u4E2D', [['a', '\t\n\r\fqé中']]],
    ['an escaped comment sign', '\\#a=b', [['#a', 'b']]],
  ])('read %s', (_, text, expected) => {
    expect(pairs(text)).toEqual(expected);
  });

  it('name the line of each setting, and of a bad escape', () => {
    const result = parseProperties('# c\na=1\\\n 2\nb=3', 'server.properties');
    expect(result).toMatchObject({ ok: true, entries: [{ from: 'server.properties line 2' }, { from: 'server.properties line 4' }] });
    expect(parseProperties('a=\\u12g4', 'f')).toEqual({ ok: false, errors: ['f line 1: \\u is followed by four hexadecimal digits'] });
  });

  it('read back whatever was escaped', () => {
    const escaped = (text: string) => text.replace(/[^a-zA-Z0-9]/gs, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ minLength: 1 }), fc.string())), (expected) => {
        expect(pairs(expected.map(([key, value]) => `${escaped(key)}=${escaped(value)}`).join('\n'))).toEqual(expected);
      }),
    );
  });
});

describe('the environment', () => {
  it('is mapped as by the official image', () => {
    const entries = environmentEntries({
      KAFKA_LOG_RETENTION_HOURS: '5',
      KAFKA_A__B: 'underscore',
      KAFKA_A___B: 'dash',
      KAFKA_RINGLOG_SHARDS: '2',
      CLUSTER_ID: '4L6g3nShT-eMCtK--X86sw',
      KAFKA_HEAP_OPTS: '-Xmx1g',
      KAFKA_: 'x',
      HOME: '/root',
      PATH: undefined,
    });
    expect(Object.fromEntries(entries.map(({ name, value }) => [name, value]))).toEqual({
      'log.retention.hours': '5',
      a_b: 'underscore',
      'a-b': 'dash',
      'ringlog.shards': '2',
      'ringlog.cluster.id': '4L6g3nShT-eMCtK--X86sw',
    });
    expect(entries.find(({ name }) => name === 'a_b')?.from).toBe('KAFKA_A__B');
  });
});

describe('the order of sources', () => {
  it('is file, environment, --set', () => {
    const result = readConfigSources({
      file: { name: 'f', text: 'a=file\nb=file\nc=file' },
      environment: { KAFKA_B: 'environment', KAFKA_C: 'environment' },
      sets: ['c=set=1', ' d =4'],
    });
    if (!result.ok) expect.unreachable();
    const last = new Map(result.entries.map(({ name, value }) => [name, value]));
    expect(Object.fromEntries(last)).toEqual({ a: 'file', b: 'environment', c: 'set=1', d: '4' });
  });

  it('collects the errors of all of them', () => {
    const result = readConfigSources({ file: { name: 'f', text: '\\u0=1' }, environment: {}, sets: ['novalue', '=x'] });
    expect(result).toMatchObject({ ok: false });
    if (!result.ok) expect(result.errors.length).toBe(3);
  });
});
