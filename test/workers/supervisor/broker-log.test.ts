// What the process says of itself: a line an event, for people as for machines.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { compileSources, root } from '../compiled.ts';

beforeAll(() => compileSources());

/** What stands on standard error after three events. */
function lines(level: string, forPeople: boolean): string[] {
  const script = `
    const { processLog } = await import(${JSON.stringify(join(root, 'dist/workers/supervisor/broker-log.js'))});
    const log = await processLog(${JSON.stringify(level)}, ${forPeople});
    log.info('recovered t-0', { partition: 't-0', readBytes: 5 });
    log.warn('closed 10.0.0.1:9', { peer: '10.0.0.1:9', clientId: 'a\\nb' });
    log.error('stopped');`;
  const { stderr, stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  expect([status, stdout]).toEqual([0, '']);
  return stderr.trimEnd().split('\n');
}

test('off a terminal an event is a line of JSON', () => {
  const told = lines('info', false).map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(told).toEqual([
    expect.objectContaining({ level: 30, time: expect.any(Number), msg: 'recovered t-0', partition: 't-0', readBytes: 5 }),
    expect.objectContaining({ level: 40, msg: 'closed 10.0.0.1:9', clientId: 'a\nb' }),
    expect.objectContaining({ level: 50, msg: 'stopped' }),
  ]);
  expect(lines('warn', false)).toHaveLength(2);
});

test('for people too an event is one line, with its details', () => {
  expect(lines('info', true)).toEqual([
    expect.stringMatching(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: recovered t-0 \{"partition":"t-0","readBytes":5\}$/),
    expect.stringMatching(/WARN: closed 10\.0\.0\.1:9 \{"peer":"10\.0\.0\.1:9","clientId":"a\\nb"\}$/),
    expect.stringMatching(/ERROR: stopped$/),
  ]);
});
