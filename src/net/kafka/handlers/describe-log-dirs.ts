// DescribeLogDirs (API key 35): what is stored where on this node. Owner: the shard's thread.

import { statfs } from 'node:fs/promises';
import { logDirectories } from '../../../engine/base/config-broker.ts';
import { ErrorCode } from '../../../engine/base/error-code.ts';
import type { LogDirPartition } from '../../../engine/broker/partition-verbs.ts';
import { describeLogDirsApi } from '../schema/generated/describe-log-dirs.ts';
import { apiHandler } from './api-handler.ts';

export const describeLogDirsHandler = apiHandler({
  api: describeLogDirsApi,
  async handle({ services }, request) {
    const stored = await services.partitions.describeLogDirs();
    const asked =
      request.topics === null
        ? null
        : new Set(request.topics.flatMap(({ topic, partitions }) => partitions.map((index) => `${topic}-${index}`)));
    const wanted = stored.filter(({ topic, partition }) => asked === null || asked.has(`${topic}-${partition}`));
    const results = await Promise.all(
      logDirectories(services.config).map(async (logDir) =>
        services.broker.logs.isOffline(logDir)
          ? { errorCode: ErrorCode.KAFKA_STORAGE_ERROR, logDir, topics: [], totalBytes: -1, usableBytes: -1 }
          : {
              errorCode: ErrorCode.NONE,
              logDir,
              topics: byTopic(wanted.filter((partition) => partition.logDir === logDir)),
              ...(await volumeOf(logDir)),
            },
      ),
    );
    return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, results };
  },
});

function byTopic(partitions: readonly LogDirPartition[]) {
  const topics = new Map<string, { partitionIndex: number; partitionSize: number; offsetLag: number; isFutureKey: boolean }[]>();
  for (const { topic, partition, sizeBytes } of partitions) {
    let rows = topics.get(topic);
    if (rows === undefined) topics.set(topic, (rows = []));
    rows.push({ partitionIndex: partition, partitionSize: sizeBytes, offsetLag: 0, isFutureKey: false });
  }
  return [...topics].map(([name, rows]) => ({ name, partitions: rows }));
}

/** Size of the file system; -1 (unknown) where it cannot be asked. */
async function volumeOf(path: string): Promise<{ totalBytes: number; usableBytes: number }> {
  try {
    const { blocks, bavail, bsize } = await statfs(path);
    return { totalBytes: blocks * bsize, usableBytes: bavail * bsize };
  } catch {
    return { totalBytes: -1, usableBytes: -1 };
  }
}
