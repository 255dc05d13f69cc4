import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commitWords, durabilityWords } from '../../src/cli/durability-words.ts';
import { parseBrokerConfig } from '../../src/engine/base/config-broker.ts';
import type { BrokerConfig } from '../../src/engine/base/config-schema.ts';

function config(settings: Readonly<Record<string, string>>): BrokerConfig {
  const parsed = parseBrokerConfig(Object.entries(settings).map(([name, value]) => ({ name, value, from: 'test' })));
  if (!parsed.ok) throw new Error(parsed.errors.join());
  return parsed.settings.config;
}

function meaning(settings: Readonly<Record<string, string>>, what: string): string | undefined {
  return durabilityWords(config(settings), 'COMMITS').find((row) => row.what === what)?.meaning;
}

test('acks=all is promised the power cut only where the disk comes before the answer', () => {
  expect(meaning({}, 'acks=all')).toBe('answered when the records are on the disk: survives power loss; COMMITS');
  for (const fsync of ['interval', 'never']) {
    const words = meaning({ 'ringlog.fsync': fsync, 'ringlog.fsync.interval.ms': '250' }, 'acks=all');
    expect(words).toContain('not of the machine');
    expect(words).not.toContain('power');
    expect(words!.includes('250 ms')).toBe(fsync === 'interval');
  }
});

test('flush.messages and flush.ms are named where they are set', () => {
  expect(meaning({}, 'flush.messages')).toBeUndefined();
  expect(meaning({}, 'flush.ms')).toBeUndefined();
  expect(meaning({ 'log.flush.interval.messages': '1' }, 'flush.messages')).toContain('after 1 record of');
  expect(meaning({ 'log.flush.interval.ms': '300' }, 'flush.ms')).toContain('300 ms old');
});

test('how commits reach the disk is tried in the directories, and leaves nothing there', () => {
  const dir = mkdtempSync(join(tmpdir(), 'ringlog-words-'));
  try {
    expect(commitWords(config({}), [dir], true)).toMatch(
      /^one (direct|buffered \(the file system has no O_DIRECT\)) write to the commit journal/,
    );
    expect(commitWords(config({}), [dir], false)).toContain('no native addon');
    writeFileSync(join(dir, 'file'), '');
    // Directories that cannot be used are left out at the start: they say nothing of the others.
    for (const unusable of ['missing', 'file'])
      expect(commitWords(config({}), [dir, join(dir, unusable)], true)).toBe(commitWords(config({}), [dir], true));
    expect(commitWords(config({ 'ringlog.commit': 'segments' }), [dir], true)).toBe('one fdatasync a partition, shared by all who wait');
    expect(commitWords(config({ 'ringlog.commit.segment.bytes': '65536' }), [dir], true)).toContain('64 KiB');
    expect(readdirSync(dir)).toEqual(['file']);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
