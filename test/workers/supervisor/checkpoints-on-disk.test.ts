// What the supervisor makes of recovery notes and file systems, on the real disk.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DISK_NOTE, NEXT_NOTE } from '../../../src/engine/log/recovery-note.ts';
import { pageCacheSession } from '../../../src/workers/supervisor/page-cache-session.ts';
import { settleNotes } from '../../../src/workers/supervisor/settle-notes.ts';

test('a note gets its name when its index files are there, and a deleted partition stops nobody', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'ringlog-notes-'));
  for (const name of ['00000000000000000007.index', '00000000000000000007.timeindex', DISK_NOTE]) writeFileSync(join(dir, name), 'old');
  writeFileSync(join(dir, NEXT_NOTE), 'new');
  const failed = (directory: string): void => expect(directory).toBe('no directory failed');
  const notes = [
    { dir: join(dir, 'gone'), baseOffsets: [0] },
    { dir, baseOffsets: [7] },
  ];
  await settleNotes(notes, failed);
  expect([readFileSync(join(dir, DISK_NOTE), 'utf8'), existsSync(join(dir, NEXT_NOTE))]).toEqual(['new', false]);
  writeFileSync(join(dir, NEXT_NOTE), 'newer');
  await settleNotes([{ dir, baseOffsets: [8] }], failed);
  expect(readFileSync(join(dir, DISK_NOTE), 'utf8')).toBe('new');
  rmSync(dir, { recursive: true });
});

test('a session names the boot and the mount, or nothing where the kernel does not tell', () => {
  const session = pageCacheSession(tmpdir());
  expect(session).toBe(pageCacheSession(tmpdir()));
  if (session !== '') expect(session).toMatch(/^[0-9a-f-]{36} (ext4|xfs|f2fs|tmpfs) /);
  expect(pageCacheSession('/proc')).toBe('');
  expect(pageCacheSession('/nowhere/at/all')).toBe('');
});
