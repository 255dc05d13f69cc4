// Messages written out byte by byte from the encoding rules, and what encoders may leave out, drop or refuse.
// Owner: tests; pure.

import { Buffer } from 'node:buffer';
import { describe, expect, test } from 'vitest';
import { ByteReader } from '../../../../src/engine/base/byte-reader.ts';
import { ByteWriter, UnencodableField } from '../../../../src/engine/base/byte-writer.ts';
import {
  consumerGroupMemberMetadataValueSchema,
  type ConsumerGroupMemberMetadataValueInput,
} from '../../../../src/engine/coordinator/records/generated/consumer-group-member-metadata.ts';
import { offsetCommitKeySchema } from '../../../../src/engine/coordinator/records/generated/offset-commit.ts';
import { apiVersionsApi } from '../../../../src/net/kafka/schema/generated/api-versions.ts';
import { describeTopicPartitionsApi } from '../../../../src/net/kafka/schema/generated/describe-topic-partitions.ts';
import { fetchApi } from '../../../../src/net/kafka/schema/generated/fetch.ts';
import { requestHeaderSchema, responseHeaderSchema } from '../../../../src/net/kafka/schema/generated/headers.ts';
import { initProducerIdApi } from '../../../../src/net/kafka/schema/generated/init-producer-id.ts';
import { metadataApi } from '../../../../src/net/kafka/schema/generated/metadata.ts';
import { produceApi } from '../../../../src/net/kafka/schema/generated/produce.ts';

const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA';
const reader = (...hex: string[]): ByteReader => new ByteReader(Buffer.from(hex.join('').replace(/\s/g, ''), 'hex'));
const written = (write: (w: ByteWriter) => void): string => {
  const writer = new ByteWriter();
  write(writer);
  return Buffer.from(writer.copy()).toString('hex');
};
const hex = (...parts: string[]): string => parts.join('').replace(/\s/g, '');

describe('headers', () => {
  test('the client id keeps its plain length in the flexible request header', () => {
    const bytes = hex('0012 0003 0000002a', '0003 616263', '00');
    const header = { requestApiKey: 18, requestApiVersion: 3, correlationId: 42, clientId: 'abc' };
    expect(requestHeaderSchema.decode(reader(bytes), 2)).toEqual(header);
    expect(written((w) => requestHeaderSchema.encode(w, header, 2))).toBe(bytes);
  });

  test('a header without client id, and the response headers', () => {
    expect(requestHeaderSchema.decode(reader('0003 0001 00000001 ffff'), 1).clientId).toBeNull();
    expect(written((w) => responseHeaderSchema.encode(w, { correlationId: 7 }, 0))).toBe(hex('00000007'));
    expect(written((w) => responseHeaderSchema.encode(w, { correlationId: 7 }, 1))).toBe(hex('00000007 00'));
  });
});

describe('messages by hand', () => {
  test('ApiVersions 3: compact strings, tag section', () => {
    const bytes = hex('05 6a617661', '04 342e30', '00');
    const request = { clientSoftwareName: 'java', clientSoftwareVersion: '4.0', clusterId: null, nodeId: -1 };
    expect(apiVersionsApi.decodeRequest(reader(bytes), 3)).toEqual(request);
    expect(written((w) => apiVersionsApi.encodeRequest(w, request, 3))).toBe(bytes);
  });

  test('ApiVersions 3 answer: features and their epoch are tags 0 to 2', () => {
    const bytes = hex(
      '0000',
      '02 0012 0000 0004 00',
      '00000000',
      '03',
      '00 08 02 02 67 0000 0001 00',
      '01 08 0000000000000005',
      '02 08 02 02 67 0001 0001 00',
    );
    const response = {
      errorCode: 0,
      apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }],
      supportedFeatures: [{ name: 'g', minVersion: 0, maxVersion: 1 }],
      finalizedFeaturesEpoch: 5,
      finalizedFeatures: [{ name: 'g', maxVersionLevel: 1, minVersionLevel: 1 }],
    };
    expect(written((w) => apiVersionsApi.encodeResponse(w, response, 3))).toBe(bytes);
    expect(apiVersionsApi.decodeResponse(reader(bytes), 3)).toEqual({ ...response, throttleTimeMs: 0, zkMigrationReady: false });
  });

  test('Produce 7: plain lengths, records as a view of the frame', () => {
    const bytes = hex('ffff', 'ffff', '00007530', '00000001', '0001 74', '00000001', '00000002', '00000003 aabbcc');
    const frame = Buffer.from(bytes, 'hex');
    const request = produceApi.decodeRequest(new ByteReader(frame), 7);
    expect(request).toEqual({
      transactionalId: null,
      acks: -1,
      timeoutMs: 30_000,
      topicData: [{ name: 't', topicId: ZERO_UUID, partitionData: [{ index: 2, records: Uint8Array.of(0xaa, 0xbb, 0xcc) }] }],
    });
    expect(request.topicData[0]!.partitionData[0]!.records!.buffer).toBe(frame.buffer);
    expect(written((w) => produceApi.encodeRequest(w, request, 7))).toBe(bytes);
  });

  test('Metadata: null topics mean all, and version 0 has no null', () => {
    expect(metadataApi.decodeRequest(reader('ffffffff 01'), 4).topics).toBeNull();
    expect(metadataApi.decodeRequest(reader('00 01 00 00 00'), 9).topics).toBeNull();
    expect(metadataApi.decodeRequest(reader('01 00 00 00'), 12).topics).toEqual([]);
    expect(() => metadataApi.decodeRequest(reader('ffffffff'), 0)).toThrow(/array length -1/);
  });

  test('a nullable struct has one byte before it', () => {
    const absent = describeTopicPartitionsApi.decodeRequest(reader('01 000007d0 ff 00'), 0);
    expect(absent).toEqual({ topics: [], responsePartitionLimit: 2000, cursor: null });
    const present = hex('01 000007d0 01 02 74 00000003 00 00');
    const request = { topics: [], responsePartitionLimit: 2000, cursor: { topicName: 't', partitionIndex: 3 } };
    expect(describeTopicPartitionsApi.decodeRequest(reader(present), 0)).toEqual(request);
    expect(written((w) => describeTopicPartitionsApi.encodeRequest(w, request, 0))).toBe(present);
  });

  test('a nullable struct in a tag has a uvarint before it', () => {
    const value: ConsumerGroupMemberMetadataValueInput = {
      instanceId: null,
      rackId: null,
      clientId: '',
      clientHost: '',
      subscribedTopicNames: [],
      subscribedTopicRegex: null,
      serverAssignor: null,
      classicMemberMetadata: { sessionTimeoutMs: 9, supportedProtocols: [] },
    };
    const bytes = hex('00 00 01 01 01 00 ffffffff 00', '01 00 07', '01 00000009 01 00');
    expect(written((w) => consumerGroupMemberMetadataValueSchema.encode(w, value, 0))).toBe(bytes);
  });

  test('an offset record key', () => {
    expect(offsetCommitKeySchema.recordType).toBe(1);
    const bytes = hex('0001 67 0001 74 00000005');
    expect(written((w) => offsetCommitKeySchema.encode(w, { group: 'g', topic: 't', partition: 5 }, 0))).toBe(bytes);
  });

  test("Fetch 18: a high watermark of int64's maximum is the default, beyond what a number holds", () => {
    const partition = hex('00000000 ffffffff 0000000000000005 ffffffff ffffffffffffffff 00100000');
    const head = hex('000001f4 00000001 00100000 00 00000000 ffffffff', '02', '00'.repeat(16), '02', partition);
    const bytes = hex(head, '01 01 08 7fffffffffffffff', '00', '01', '01', '00');
    const request = fetchApi.decodeRequest(reader(bytes), 18);
    expect(request.topics[0]!.partitions[0]!.highWatermark).toBe(Number.MAX_SAFE_INTEGER);
    // Being the default it need not be written.
    expect(written((w) => fetchApi.encodeRequest(w, request, 18))).toBe(hex(head, '00', '00', '01', '01', '00'));
  });
});

describe('what an encoder may leave out, drop or refuse', () => {
  test('fields with a default may be missing', () => {
    const partition = { partitionIndex: 0, errorCode: 0, highWatermark: 9, records: null };
    const bytes = written((w) => fetchApi.encodeResponse(w, { responses: [{ topicId: ZERO_UUID, partitions: [partition] }] }, 17));
    const [topic] = fetchApi.decodeResponse(reader(bytes), 17).responses;
    expect(topic!.partitions[0]).toEqual({
      ...partition,
      lastStableOffset: -1,
      logStartOffset: -1,
      abortedTransactions: [],
      preferredReadReplica: -1,
      divergingEpoch: { epoch: -1, endOffset: -1 },
      currentLeader: { leaderId: -1, leaderEpoch: -1 },
      snapshotId: { epoch: -1, endOffset: -1 },
    });
  });

  test('an ignorable field that the version lacks is dropped', () => {
    const bytes = written((w) => metadataApi.encodeResponse(w, { brokers: [], topics: [], clusterId: 'c', controllerId: 3 }, 0));
    expect(bytes).toBe(hex('00000000 00000000'));
  });

  test('any other is refused with its name', () => {
    const request = { topics: [], allowAutoTopicCreation: false };
    expect(() => written((w) => metadataApi.encodeRequest(w, request, 3))).toThrow(
      'MetadataRequest.allowAutoTopicCreation has a value, but version 3 has no such field',
    );
    expect(() => written((w) => metadataApi.encodeRequest(w, { topics: null }, 0))).toThrow(UnencodableField);
    const answer = { errorCode: 0, baseOffset: 0, index: 0, currentLeader: { leaderId: 1, leaderEpoch: 1 } };
    const response = { responses: [{ name: 't', partitionResponses: [answer] }] };
    expect(() => written((w) => produceApi.encodeResponse(w, response, 9))).toThrow(/currentLeader .* version 9/);
  });

  test('the unstable version of InitProducerId is known but not for advertising', () => {
    expect([initProducerIdApi.maxVersion, initProducerIdApi.maxStableVersion]).toEqual([6, 5]);
    expect([apiVersionsApi.maxVersion, apiVersionsApi.maxStableVersion]).toEqual([5, 5]);
  });
});
