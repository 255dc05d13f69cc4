// The hand-written Fetch answer against the generated decoder, with the records put in at the cuts.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader } from '../../../../src/engine/base/byte-reader.ts';
import { ErrorCode } from '../../../../src/engine/base/error-code.ts';
import { uuidFromBytes } from '../../../../src/engine/base/uuid.ts';
import { FetchTarget } from '../../../../src/engine/broker/fetch-target.ts';
import { TopicEntry } from '../../../../src/engine/partition/topic-table.ts';
import { decodeFetchResponse } from '../../../../src/net/kafka/schema/generated/fetch.ts';
import { ANSWER_BYTES_MAX, FetchResponseWriter, hasLeaderHint, topicBytesMax } from '../../../../src/net/kafka/wire/fetch-response.ts';
import { nodeAt, nodeEndpoints, NODE_LISTENER } from './sample-nodes.ts';

const partition = fc.record({
  index: fc.integer({ min: 0, max: 9 }),
  error: fc.constantFrom<number>(
    ErrorCode.NONE,
    ErrorCode.OFFSET_OUT_OF_RANGE,
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.FENCED_LEADER_EPOCH,
    ErrorCode.UNKNOWN_LEADER_EPOCH,
  ),
  highWatermark: fc.integer({ min: -1, max: 2 ** 52 }),
  logStartOffset: fc.integer({ min: -1, max: 2 ** 40 }),
  records: fc.uint8Array({ maxLength: 200 }),
});
const topic = fc.record({
  name: fc.stringMatching(/^[a-z._-]{1,40}$/),
  id: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  partitions: fc.array(partition, { minLength: 1, maxLength: 5 }),
});

test('reads back as what was found', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 4, max: 18 }),
      fc.nat({ max: 2 ** 31 - 1 }),
      fc.array(topic, { maxLength: 4 }),
      (version, sessionId, topics) => {
        const bytes = new Uint8Array(16_384).fill(0xaa);
        const writer = new FetchResponseWriter(bytes, new DataView(bytes.buffer));
        const records: Uint8Array[] = [];
        const leaders = new Set<number>();
        let max = ANSWER_BYTES_MAX;
        writer.begin(8, version, 77, ErrorCode.NONE, sessionId, topics.length);
        for (const { name, id, partitions } of topics) {
          const entry = new TopicEntry(name, uuidFromBytes(id), Buffer.from(name), id, false);
          for (let i = 0; i < 10; i++) {
            entry.leaderNodeIds.push(100 + i);
            entry.leaderEpochs.push(i);
          }
          writer.topic(version >= 13 ? entry.idBytes : entry.nameBytes, partitions.length);
          max += topicBytesMax(Math.max(name.length, 16), partitions.length);
          for (const given of partitions) {
            const target = new FetchTarget();
            target.topic = entry;
            target.partitionIndex = given.index;
            target.error = given.error;
            target.highWatermark = given.highWatermark;
            target.lastStableOffset = given.highWatermark;
            target.logStartOffset = given.logStartOffset;
            target.plannedBytes = given.records.length;
            writer.partition(target);
            if (hasLeaderHint(target, version)) leaders.add(entry.leaderNodeIds[given.index]!);
            if (given.records.length > 0) records.push(given.records);
          }
          writer.endTopic();
        }
        const tags = nodeEndpoints.tagsOf(leaders, NODE_LISTENER);
        max += tags.length;
        const frameBytes = writer.end(tags);
        expect(writer.at - 8).toBeLessThanOrEqual(max);
        const pieces: Uint8Array[] = [];
        let from = 8;
        for (let i = 0; i < writer.cutCount; i++) {
          pieces.push(bytes.subarray(from, writer.cuts[i]!), records[i]!);
          from = writer.cuts[i]!;
        }
        pieces.push(bytes.subarray(from, writer.at));
        const frame = Buffer.concat(pieces);
        expect(frame.length).toBe(frameBytes + 4);
        const reader = new ByteReader(frame);
        expect(reader.int32()).toBe(frameBytes);
        expect(reader.int32()).toBe(77);
        if (version >= 12) reader.skipTags();
        const response = decodeFetchResponse(reader, version);
        expect(reader.remaining).toBe(0);
        expect(response.sessionId).toBe(version >= 7 ? sessionId : 0);
        expect(response.responses.map((row) => (version >= 13 ? row.topicId : row.topic))).toEqual(
          topics.map((row) => (version >= 13 ? uuidFromBytes(row.id) : row.name)),
        );
        const named = new Set<number>();
        response.responses.forEach((row, t) =>
          row.partitions.forEach((answered, p) => {
            const given = topics[t]!.partitions[p]!;
            expect(answered.partitionIndex).toBe(given.index);
            expect(answered.errorCode).toBe(given.error);
            expect(answered.highWatermark).toBe(given.highWatermark);
            expect(answered.lastStableOffset).toBe(given.highWatermark);
            if (version >= 5) expect(answered.logStartOffset).toBe(given.logStartOffset);
            expect(answered.preferredReadReplica).toBe(-1);
            expect(Buffer.from(answered.records!)).toEqual(Buffer.from(given.records));
            const wrong = given.error === ErrorCode.NOT_LEADER_OR_FOLLOWER || given.error === ErrorCode.FENCED_LEADER_EPOCH;
            const hinted = version >= 16 && wrong;
            if (hinted) named.add(100 + given.index);
            expect(answered.currentLeader.leaderId).toBe(hinted ? 100 + given.index : -1);
            expect(answered.currentLeader.leaderEpoch).toBe(hinted ? given.index : -1);
          }),
        );
        expect(response.nodeEndpoints).toEqual([...named].map((id) => nodeAt(id)));
      },
    ),
    { numRuns: 300 },
  );
});
