// Take a log's recovery notes as it grows, and say which of them the disk has caught up with. Owner: the shard's thread.
// noteIfDue() is @hot: two comparisons an append; taking one is a few small writes to the page cache every few MiB.
//
// What a restart after kill -9 has to look at is what lies behind the last note, so a note is taken every few MiB. What it
// has to check after a power cut lies behind the last note that the disk caught up with. Three notes are remembered:
//
//   syncedNote <= coveredNote <= note
//     on disk       a sync runs      the newest

import { forgiveDisk } from '../io/disk-error.ts';
import type { FileSystem } from '../io/file-system.ts';
import type { Log } from './log.ts';
import { CACHE_NOTE, DISK_NOTE, encodeNote, NEXT_NOTE, removeNotes, writeCacheNote, writeNextNote } from './recovery-note.ts';
import { ensureIndexFiles, flushIndexes } from './segment-files.ts';
import type { Segment } from './segment.ts';
import type { TakenNote } from './taken-note.ts';

/** A note that grows with the number of producers is taken less often: notes stay below a sixteenth of what is appended. */
const NOTE_SHARE = 16;

/** An append was written. Only where nothing is staged do files and memory say the same. */
export function noteIfDue(fs: FileSystem, log: Log, segment: Segment): void {
  if (log.unnotedBytes + segment.writtenBytes - segment.notedBytes < log.noteStepBytes || log.endOffset !== log.writtenOffset) return;
  if (segment !== log.active) return;
  try {
    takeNote(fs, log);
  } catch (error) {
    forgiveDisk(error);
    // A restart has more to read. The next attempt comes with the next step.
    segment.notedBytes = segment.writtenBytes;
    log.unnotedBytes = 0;
  }
}

/** Old segments are gone, perhaps the one that the newest note speaks of. */
export function noteDeleted(fs: FileSystem, log: Log): void {
  if (log.note === null || !log.note.segment.retired || log.endOffset !== log.writtenOffset) return;
  try {
    takeNote(fs, log);
  } catch (error) {
    // The next step takes one.
    forgiveDisk(error);
  }
}

/** @throws what the disk throws */
function takeNote(fs: FileSystem, log: Log): void {
  const segment = log.active;
  // The note speaks of what the index files hold.
  if (segment.notedBytes === 0) ensureIndexFiles(fs, segment);
  else flushIndexes(fs, segment);
  const bytes = encodeNote(log);
  if (log.session !== '') writeCacheNote(fs, log.dir, bytes);
  sortNotes(log);
  log.note = { segment, position: segment.writtenBytes, bytes };
  segment.notedBytes = segment.writtenBytes;
  log.unnotedBytes = 0;
  log.noteStepBytes = Math.max(log.noteStepBytesMin, NOTE_SHARE * bytes.length);
}

/** Opening the log found its end: the next start shall not have to look for it again. */
export function noteOpened(fs: FileSystem, log: Log): void {
  log.noteStepBytes = log.noteStepBytesMin;
  try {
    takeNote(fs, log);
  } catch (error) {
    forgiveDisk(error);
    return;
  }
  sortNotes(log);
  if (log.recovery!.mode === 'clean' || log.recovery!.mode === 'created') log.publishedNote = log.note;
}

/** Which notes the syncs since have caught up with. */
function sortNotes(log: Log): void {
  if (log.coveredNote !== null && isSynced(log, log.coveredNote)) {
    log.syncedNote = log.coveredNote;
    log.coveredNote = null;
  }
  const { note } = log;
  if (note === null) return;
  if (isSynced(log, note)) {
    log.syncedNote = note;
    log.coveredNote = null;
  } else if (note.position <= note.segment.syncingBytes) {
    log.coveredNote = note;
  }
}

function isSynced(log: Log, note: TakenNote): boolean {
  if (note.segment.syncedBytes < note.position) return false;
  const known = log.syncedNote?.segment.baseOffset ?? -1;
  for (let i = log.segments.length - 1; i >= 0 && log.segments[i]!.baseOffset >= known; i--) {
    const segment = log.segments[i]!;
    if (segment.baseOffset < note.segment.baseOffset && segment.syncedBytes < segment.writtenBytes) return false;
  }
  return true;
}

/** Bytes that are on the disk, although the disk note does not say so yet. */
export function unpublishedOf(log: Log): number {
  sortNotes(log);
  const { syncedNote, publishedNote } = log;
  if (syncedNote === null || syncedNote === publishedNote || syncedNote.segment.retired) return 0;
  if (syncedNote.segment === publishedNote?.segment) return syncedNote.position - publishedNote.position;
  // Opening the log read what no note on the disk spares the next start from reading.
  let bytes = syncedNote.position + (publishedNote === null ? log.recovery!.scannedBytes : -publishedNote.position);
  if (publishedNote === null) return bytes;
  for (let i = log.segments.length - 1; i >= 0; i--) {
    const { baseOffset, writtenBytes } = log.segments[i]!;
    if (baseOffset < publishedNote.segment.baseOffset) break;
    if (baseOffset < syncedNote.segment.baseOffset) bytes += writtenBytes;
  }
  return bytes;
}

/**
 * Leave the newest note that the disk has caught up with where the supervisor makes it the disk note. A log that rests gets
 * one for its end. @returns the segments that it and those since the last one speak of, none when there is nothing new. @throws what the disk throws
 */
export function publishNote(fs: FileSystem, log: Log): Segment[] {
  const { active } = log;
  const rests = log.endOffset === log.writtenOffset && active.syncedBytes === active.writtenBytes;
  if (rests && (log.note === null || log.note.segment !== active || log.note.position < active.writtenBytes)) takeNote(fs, log);
  sortNotes(log);
  const { syncedNote } = log;
  if (syncedNote === null || syncedNote === log.publishedNote || syncedNote.segment.retired) return [];
  writeNextNote(fs, log.dir, syncedNote.bytes);
  const from = log.publishedNote?.segment.baseOffset ?? syncedNote.segment.baseOffset;
  log.publishedNote = syncedNote;
  return log.segments.filter(({ baseOffset }) => baseOffset >= from && baseOffset <= syncedNote.segment.baseOffset);
}

/** The log is closed and on the disk: the note of its end, which the next start begins with. */
export function noteClosed(fs: FileSystem, log: Log): void {
  writeNextNote(fs, log.dir, encodeNote(log));
  fs.rename(`${log.dir}/${NEXT_NOTE}`, `${log.dir}/${DISK_NOTE}`);
  fs.remove(`${log.dir}/${CACHE_NOTE}`);
}

/** A write or sync failed: the next start must not take the page cache's word for the log. */
export function distrustCache(fs: FileSystem, log: Log): void {
  try {
    fs.remove(`${log.dir}/${CACHE_NOTE}`);
  } catch (error) {
    // A disk that takes no write took none of the note's successors either; its claims are checked as far as headers go.
    forgiveDisk(error);
  }
}

/** The log was cut to `position` of `segment`: notes of what lay behind it are void. */
export function voidNotes(fs: FileSystem, log: Log, segment: Segment, position: number): void {
  const reaches = (note: TakenNote | null): boolean =>
    note !== null && (note.segment.baseOffset > segment.baseOffset || (note.segment === segment && note.position > position));
  if (!reaches(log.note)) return;
  removeNotes(fs, log.dir);
  fs.syncDirectory(log.dir);
  log.note = null;
  log.coveredNote = null;
  log.syncedNote = null;
  log.publishedNote = null;
  segment.notedBytes = 0;
}
