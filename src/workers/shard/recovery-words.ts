// What opening logs found, in words and in sums. Owner: the shard's thread. Not hot.

import type { RecoveryReport } from '../../engine/log/recovery-report.ts';

/** Of the logs that were opened after a crash. */
export interface RestartSummary {
  partitions: number;
  /** Of these, the ones found whole in the page cache. */
  kept: number;
  readBytes: number;
  scannedBytes: number;
}

export function emptySummary(): RestartSummary {
  return { partitions: 0, kept: 0, readBytes: 0, scannedBytes: 0 };
}

export function addToSummary(summary: RestartSummary, report: RecoveryReport): void {
  if (report.mode !== 'kept' && report.mode !== 'checked') return;
  summary.partitions++;
  if (report.mode === 'kept') summary.kept++;
  summary.readBytes += report.readBytes;
  summary.scannedBytes += report.scannedBytes;
}

/** What an operator should know of one log; empty when there is nothing. */
export function describeRecovery(report: RecoveryReport): string {
  const damage = report.damage.map(({ segment, ...range }) => `segment ${segment}: ${JSON.stringify(range)}`);
  const unflushed = report.unflushed.map(({ startOffset, endOffset }) => `${startOffset} to ${endOffset - 1}`);
  const findings = [
    ...(report.truncatedBytes > 0 ? [`${report.truncatedBytes} bytes of a torn tail cut off`] : []),
    ...(report.deletedSegments > 0 ? [`${report.deletedSegments} segments behind it deleted`] : []),
    ...(damage.length > 0 ? [`DAMAGED and kept: ${damage.join(', ')}`] : []),
    ...(unflushed.length > 0 ? [`offsets ${unflushed.join(', ')} had not reached the disk, nobody was told that they had`] : []),
    ...(report.missingOffsets > 0
      ? [
          `${report.missingOffsets} OFFSETS MISSING that were on the disk: it lost them, or the directory is an older copy than its checkpoint`,
        ]
      : []),
    ...(report.strays.length > 0 ? [`no segments by their names and left alone: ${report.strays.join(', ')}`] : []),
    ...(report.movedAside === ''
      ? []
      : [`its directory held another topic's records, now in ${report.movedAside}: delete it if nobody wants them`]),
  ];
  if (findings.length === 0) return '';
  return [`end offset ${report.endOffset}, ${report.scannedBytes} bytes checked`, ...findings].join('; ');
}
