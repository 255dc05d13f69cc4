// The hand-written Fetch cursor against the generated encoder: every version, random requests, every truncation.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MalformedBytes } from '../../../../src/engine/base/byte-reader.ts';
import { ByteWriter } from '../../../../src/engine/base/byte-writer.ts';
import { uuidFromBytes } from '../../../../src/engine/base/uuid.ts';
import { encodeFetchRequest } from '../../../../src/net/kafka/schema/generated/fetch.ts';
import { FetchRequestCursor } from '../../../../src/net/kafka/wire/fetch-request.ts';

const partition = fc.record({
  partition: fc.nat({ max: 1000 }),
  currentLeaderEpoch: fc.integer({ min: -1, max: 100 }),
  fetchOffset: fc.nat({ max: 2 ** 52 }),
  partitionMaxBytes: fc.nat({ max: 2 ** 31 - 1 }),
});
const topic = fc.record({
  topic: fc.stringMatching(/^[a-z._-]{1,30}$/),
  id: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  partitions: fc.array(partition, { maxLength: 4 }),
});
const request = fc.record({
  maxWaitMs: fc.nat({ max: 60_000 }),
  minBytes: fc.nat({ max: 1000 }),
  maxBytes: fc.nat({ max: 2 ** 31 - 1 }),
  isolationLevel: fc.constantFrom(0, 1),
  sessionId: fc.nat({ max: 2 ** 31 - 1 }),
  sessionEpoch: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
  topics: fc.array(topic, { maxLength: 4 }),
  forgotten: fc.array(topic, { maxLength: 3 }),
});

interface Walked {
  topics: { name: string; partitions: (typeof partition extends fc.Arbitrary<infer T> ? T : never)[] }[];
  forgotten: { name: string; partitions: number[] }[];
}

function walk(cursor: FetchRequestCursor, bytes: Uint8Array, end: number, version: number): Walked {
  const nameOf = () =>
    cursor.topicLength < 0
      ? uuidFromBytes(bytes, cursor.topicOffset)
      : Buffer.from(bytes.subarray(cursor.topicOffset, cursor.topicOffset + cursor.topicLength)).toString();
  cursor.check(bytes, 0, end, version);
  cursor.begin(bytes, 0, end, version);
  const walked: Walked = { topics: [], forgotten: [] };
  while (cursor.nextTopic()) {
    const row: Walked['topics'][number] = { name: nameOf(), partitions: [] };
    while (cursor.nextPartition()) {
      const { partition: index, currentLeaderEpoch, fetchOffset, partitionMaxBytes } = cursor;
      row.partitions.push({ partition: index, currentLeaderEpoch, fetchOffset, partitionMaxBytes });
    }
    walked.topics.push(row);
  }
  cursor.beginForgotten();
  while (cursor.nextForgottenTopic()) {
    const row = { name: nameOf(), partitions: [] as number[] };
    while (cursor.nextForgottenPartition()) row.partitions.push(cursor.partition);
    walked.forgotten.push(row);
  }
  cursor.end();
  return walked;
}

test('walks what the generated encoder wrote, and refuses every truncation of it', () => {
  const cursor = new FetchRequestCursor();
  fc.assert(
    fc.property(fc.integer({ min: 4, max: 18 }), request, (version, given) => {
      const writer = new ByteWriter();
      const names = (topics: typeof given.topics) =>
        topics.map(({ topic: name, id, partitions }) => ({ topic: name, topicId: uuidFromBytes(id), partitions }));
      encodeFetchRequest(
        writer,
        {
          maxWaitMs: given.maxWaitMs,
          minBytes: given.minBytes,
          maxBytes: given.maxBytes,
          isolationLevel: given.isolationLevel,
          sessionId: given.sessionId,
          sessionEpoch: given.sessionEpoch,
          topics: names(given.topics),
          forgottenTopicsData:
            version >= 7 ? names(given.forgotten).map((row) => ({ ...row, partitions: row.partitions.map((each) => each.partition) })) : [],
          rackId: version >= 11 ? 'rack' : '',
        },
        version,
      );
      const bytes = writer.copy();
      const walked = walk(cursor, bytes, bytes.length, version);
      expect(cursor.maxWaitMs).toBe(given.maxWaitMs);
      expect(cursor.minBytes).toBe(given.minBytes);
      expect(cursor.maxBytes).toBe(given.maxBytes);
      expect(cursor.readCommitted).toBe(given.isolationLevel === 1);
      expect(cursor.sessionId).toBe(version >= 7 ? given.sessionId : 0);
      expect(cursor.sessionEpoch).toBe(version >= 7 ? given.sessionEpoch : -1);
      const nameIn = (row: (typeof given.topics)[number]) => (version >= 13 ? uuidFromBytes(row.id) : row.topic);
      expect(walked.topics).toEqual(
        given.topics.map((row) => ({
          name: nameIn(row),
          partitions: row.partitions.map((each) => ({ ...each, currentLeaderEpoch: version >= 9 ? each.currentLeaderEpoch : -1 })),
        })),
      );
      const forgotten = version >= 7 ? given.forgotten : [];
      expect(walked.forgotten).toEqual(
        forgotten.map((row) => ({ name: nameIn(row), partitions: row.partitions.map((each) => each.partition) })),
      );
      for (let end = 0; end < bytes.length; end++) expect(() => walk(cursor, bytes, end, version)).toThrow(MalformedBytes);
    }),
    { numRuns: 150 },
  );
});
