// The hand-written Produce answer against the generated decoder: every version, random outcomes.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader } from '../../../../src/engine/base/byte-reader.ts';
import { ErrorCode } from '../../../../src/engine/base/error-code.ts';
import { uuidFromBytes } from '../../../../src/engine/base/uuid.ts';
import { ProduceOperation } from '../../../../src/engine/broker/produce-operation.ts';
import type { Partition } from '../../../../src/engine/partition/partition.ts';
import { TopicEntry } from '../../../../src/engine/partition/topic-table.ts';
import { NO_TAGS } from '../../../../src/net/kafka/handlers/node-endpoints.ts';
import { decodeProduceResponse } from '../../../../src/net/kafka/schema/generated/produce.ts';
import { leadersNamed, produceResponseBytesMax, writeProduceResponse } from '../../../../src/net/kafka/wire/produce-response.ts';
import { nodeAt, nodeEndpoints, NODE_LISTENER } from './sample-nodes.ts';

class Operation extends ProduceOperation {
  override answer(): void {}
  protected override recycle(): void {}
}

const topicName = fc.stringMatching(/^[a-z._-]{1,40}$/);
const entry = fc.record({
  index: fc.integer({ min: 0, max: 9 }),
  error: fc.constantFrom<number>(ErrorCode.NONE, ErrorCode.NONE, ErrorCode.CORRUPT_MESSAGE, ErrorCode.NOT_LEADER_OR_FOLLOWER),
  baseOffset: fc.nat({ max: 2 ** 52 }),
  startOffset: fc.nat({ max: 2 ** 40 }),
  appendTimeMs: fc.constantFrom(-1, 1_795_000_000_000),
  message: fc.option(fc.string({ maxLength: 30, unit: 'grapheme' }), { nil: null }),
});
const topic = fc.record({
  name: topicName,
  id: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  known: fc.boolean(),
  entries: fc.array(entry, { minLength: 1, maxLength: 6 }),
});

test('reads back as what was decided', () => {
  fc.assert(
    fc.property(fc.integer({ min: 3, max: 13 }), fc.integer(), fc.array(topic, { maxLength: 5 }), (version, correlationId, topics) => {
      const operation = new Operation();
      operation.begin(1);
      operation.apiVersion = version;
      operation.correlationId = correlationId;
      for (const { name, id, known, entries } of topics) {
        const entryOf = new TopicEntry(name, uuidFromBytes(id), Buffer.from(name), id, false);
        for (let i = 0; i < 10; i++) {
          entryOf.leaderNodeIds.push(7 + i);
          entryOf.leaderEpochs.push(i);
        }
        entries.forEach((given, i) => {
          const at = operation.addEntry(known ? entryOf : null, given.index, i === 0);
          if (!known) operation.unknownNames[at] = version >= 13 ? id : Buffer.from(name);
          operation.partitions[at] = { log: { startOffset: given.startOffset } } as unknown as Partition;
          operation.baseOffsets[at] = given.baseOffset;
          operation.appendTimesMs[at] = given.appendTimeMs;
          operation.messages[at] = given.message;
          operation.decide(at, known ? given.error : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
        });
      }
      const leaders = leadersNamed(operation);
      const tags = leaders === null ? NO_TAGS : nodeEndpoints.tagsOf(leaders, NODE_LISTENER);
      const max = produceResponseBytesMax(operation) + tags.length;
      const bytes = new Uint8Array(max + 16).fill(0xaa);
      const end = writeProduceResponse(bytes, new DataView(bytes.buffer), 8, operation, tags);
      expect(end - 8).toBeLessThanOrEqual(max);
      const reader = new ByteReader(bytes, 8, end);
      expect(reader.int32()).toBe(end - 12);
      expect(reader.int32()).toBe(correlationId);
      if (version >= 9) reader.skipTags();
      const response = decodeProduceResponse(reader, version);
      expect(reader.remaining).toBe(0);
      expect(response.throttleTimeMs).toBe(0);
      expect(response.responses.length).toBe(topics.length);
      const named = new Set<number>();
      response.responses.forEach((answered, t) => {
        const { name, id, known, entries } = topics[t]!;
        if (version >= 13) expect(answered.topicId).toBe(uuidFromBytes(id));
        else expect(answered.name).toBe(name);
        expect(answered.partitionResponses.length).toBe(entries.length);
        answered.partitionResponses.forEach((partition, p) => {
          const given = entries[p]!;
          const error = known ? given.error : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
          expect(partition.index).toBe(given.index);
          expect(partition.errorCode).toBe(error);
          expect(partition.baseOffset).toBe(error === ErrorCode.NONE ? given.baseOffset : -1);
          expect(partition.logAppendTimeMs).toBe(given.appendTimeMs);
          if (version >= 5) expect(partition.logStartOffset).toBe(error === ErrorCode.NONE ? given.startOffset : -1);
          if (version >= 8) expect(partition.errorMessage).toBe(given.message);
          const hinted = version >= 10 && error === ErrorCode.NOT_LEADER_OR_FOLLOWER;
          if (hinted) named.add(7 + given.index);
          expect(partition.currentLeader.leaderId).toBe(hinted ? 7 + given.index : -1);
          expect(partition.currentLeader.leaderEpoch).toBe(hinted ? given.index : -1);
        });
      });
      expect(response.nodeEndpoints).toEqual([...named].map((id) => nodeAt(id)));
    }),
    { numRuns: 300 },
  );
});
