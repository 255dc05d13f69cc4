// Against a foreign implementation: kafkajs encodes, we decode; we encode, kafkajs decodes. It speaks the plain encodings
// only (and one flexible API), which is the half that our own flexible-first habits would let rot.
// Owner: tests; pure.

import { Buffer } from 'node:buffer';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { ByteReader } from '../../../../src/engine/base/byte-reader.ts';
import { ByteWriter } from '../../../../src/engine/base/byte-writer.ts';
import { consumerProtocolAssignmentSchema } from '../../../../src/engine/coordinator/records/generated/consumer-protocol.ts';
import { messageCodecs } from './message-codecs.ts';

type Encoder = (input: unknown) => { apiKey: number; apiVersion: number; encode(): Promise<{ buffer: Buffer }> };
interface Decoder {
  decode(bytes: Buffer): Promise<unknown>;
}

const requireKafkajs = createRequire(import.meta.url);
const path = (api: string, version: number): string => `kafkajs/src/protocol/requests/${api}/v${version}`;
const encoderOf = (api: string, version: number): Encoder => requireKafkajs(`${path(api, version)}/request`) as Encoder;
const decoderOf = (api: string, version: number): Decoder => requireKafkajs(`${path(api, version)}/response`) as Decoder;

const codecs = new Map((await messageCodecs()).map((codec) => [codec.message.name, codec]));
const upper = (name: string): string => name[0]!.toUpperCase() + name.slice(1);
const text = (value: string): Uint8Array => new Uint8Array(Buffer.from(value));

// [kafkajs's name, versions, what kafkajs is given, what we must see of it]
const requests: readonly [api: string, versions: readonly number[], input: unknown, seen: unknown][] = [
  ['apiVersions', [0, 1, 2], {}, { clientSoftwareName: '', nodeId: -1 }],
  ['metadata', [1, 2, 3], { topics: ['a', 'b'] }, { topics: [{ name: 'a' }, { name: 'b' }] }],
  // To kafkajs an empty list of these is the null list.
  ['metadata', [4, 5, 6], { topics: [], allowAutoTopicCreation: false }, { topics: null, allowAutoTopicCreation: false }],
  [
    'fetch',
    [5, 6],
    {
      replicaId: -1,
      maxWaitTime: 500,
      minBytes: 1,
      maxBytes: 999,
      isolationLevel: 1,
      topics: [{ topic: 't', partitions: [{ partition: 3, fetchOffset: '4294967297', logStartOffset: -1, maxBytes: 10 }] }],
    },
    {
      replicaId: -1,
      maxWaitMs: 500,
      minBytes: 1,
      maxBytes: 999,
      isolationLevel: 1,
      sessionEpoch: -1,
      topics: [{ topic: 't', partitions: [{ partition: 3, fetchOffset: 4_294_967_297, logStartOffset: -1, partitionMaxBytes: 10 }] }],
    },
  ],
  [
    'fetch',
    [9, 10, 11],
    {
      replicaId: -1,
      maxWaitTime: 5,
      minBytes: 1,
      maxBytes: 9,
      sessionId: 4,
      sessionEpoch: 2,
      topics: [{ topic: 't', partitions: [{ partition: 3, currentLeaderEpoch: 7, fetchOffset: 8, maxBytes: 10 }] }],
      forgottenTopics: [{ topic: 'u', partitions: [1, 2] }],
    },
    {
      sessionId: 4,
      sessionEpoch: 2,
      rackId: '',
      forgottenTopicsData: [{ topic: 'u', partitions: [1, 2] }],
      topics: [{ topic: 't', partitions: [{ partition: 3, currentLeaderEpoch: 7, fetchOffset: 8, partitionMaxBytes: 10 }] }],
    },
  ],
  [
    'listOffsets',
    [2, 3],
    { replicaId: -1, isolationLevel: 1, topics: [{ topic: 't', partitions: [{ partition: 1, timestamp: -2 }] }] },
    { replicaId: -1, isolationLevel: 1, topics: [{ name: 't', partitions: [{ partitionIndex: 1, timestamp: -2 }] }] },
  ],
  ['findCoordinator', [1, 2], { coordinatorKey: 'g', coordinatorType: 1 }, { key: 'g', keyType: 1, coordinatorKeys: [] }],
  [
    'joinGroup',
    [5],
    {
      groupId: 'g',
      sessionTimeout: 10,
      rebalanceTimeout: 20,
      memberId: 'm',
      groupInstanceId: 'i',
      protocolType: 'consumer',
      groupProtocols: [{ name: 'range', metadata: Buffer.from('meta') }],
    },
    {
      groupId: 'g',
      sessionTimeoutMs: 10,
      rebalanceTimeoutMs: 20,
      memberId: 'm',
      groupInstanceId: 'i',
      reason: null,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: text('meta') }],
    },
  ],
  [
    'syncGroup',
    [3],
    { groupId: 'g', generationId: 4, memberId: 'm', groupAssignment: [{ memberId: 'm', memberAssignment: Buffer.from('a') }] },
    { groupId: 'g', generationId: 4, groupInstanceId: null, assignments: [{ memberId: 'm', assignment: text('a') }] },
  ],
  [
    'heartbeat',
    [3],
    { groupId: 'g', groupGenerationId: 4, memberId: 'm', groupInstanceId: null },
    { groupId: 'g', generationId: 4, memberId: 'm', groupInstanceId: null },
  ],
  ['leaveGroup', [0, 1, 2], { groupId: 'g', memberId: 'm' }, { groupId: 'g', memberId: 'm', members: [] }],
  [
    'leaveGroup',
    [3],
    { groupId: 'g', members: [{ memberId: 'm' }] },
    { members: [{ memberId: 'm', groupInstanceId: null, reason: null }] },
  ],
  [
    'offsetCommit',
    [2, 3, 4],
    {
      groupId: 'g',
      groupGenerationId: 4,
      memberId: 'm',
      retentionTime: 77,
      topics: [{ topic: 't', partitions: [{ partition: 1, offset: '12345678901', metadata: 'x' }] }],
    },
    {
      groupId: 'g',
      generationIdOrMemberEpoch: 4,
      memberId: 'm',
      retentionTimeMs: 77,
      topics: [{ name: 't', partitions: [{ partitionIndex: 1, committedOffset: 12_345_678_901, committedMetadata: 'x' }] }],
    },
  ],
  [
    'offsetFetch',
    [1, 2, 3, 4],
    { groupId: 'g', topics: [{ topic: 't', partitions: [{ partition: 1 }, { partition: 2 }] }] },
    { groupId: 'g', topics: [{ name: 't', partitionIndexes: [1, 2] }], groups: [] },
  ],
  [
    'createTopics',
    [2, 3],
    {
      validateOnly: true,
      timeout: 5,
      topics: [
        { topic: 't', numPartitions: 3, replicationFactor: 1, configEntries: [{ name: 'k', value: 'v' }] },
        { topic: 'u', replicaAssignment: [{ partition: 0, replicas: [1, 2] }] },
      ],
    },
    {
      validateOnly: true,
      timeoutMs: 5,
      topics: [
        { name: 't', numPartitions: 3, replicationFactor: 1, assignments: [], configs: [{ name: 'k', value: 'v' }] },
        { name: 'u', numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [1, 2] }], configs: [] },
      ],
    },
  ],
  ['deleteTopics', [1], { topics: ['t', 'u'], timeout: 5 }, { topicNames: ['t', 'u'], timeoutMs: 5, topics: [] }],
  [
    'deleteRecords',
    [0, 1],
    { topics: [{ topic: 't', partitions: [{ partition: 1, offset: '7' }] }], timeout: 5 },
    { topics: [{ name: 't', partitions: [{ partitionIndex: 1, offset: 7 }] }], timeoutMs: 5 },
  ],
  [
    'initProducerId',
    [0, 1],
    { transactionalId: null, transactionTimeout: 9 },
    { transactionalId: null, transactionTimeoutMs: 9, producerId: -1 },
  ],
  [
    'addPartitionsToTxn',
    [0, 1],
    { transactionalId: 'x', producerId: '5', producerEpoch: 1, topics: [{ topic: 't', partitions: [0, 1] }] },
    {
      v3AndBelowTransactionalId: 'x',
      v3AndBelowProducerId: 5,
      v3AndBelowProducerEpoch: 1,
      v3AndBelowTopics: [{ name: 't', partitions: [0, 1] }],
      transactions: [],
    },
  ],
  [
    'txnOffsetCommit',
    [0, 1],
    {
      transactionalId: 'x',
      groupId: 'g',
      producerId: '5',
      producerEpoch: 1,
      topics: [{ topic: 't', partitions: [{ partition: 0, offset: 3, metadata: null }] }],
    },
    { topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 3, committedMetadata: null }] }] },
  ],
  [
    'endTxn',
    [0, 1],
    { transactionalId: 'x', producerId: '5', producerEpoch: 1, transactionResult: true },
    { committed: true, producerId: 5 },
  ],
  [
    'describeConfigs',
    [1, 2],
    {
      resources: [
        { type: 2, name: 't', configNames: ['a'] },
        { type: 4, name: '0', configNames: [] },
      ],
      includeSynonyms: true,
    },
    {
      includeSynonyms: true,
      includeDocumentation: false,
      resources: [
        { resourceType: 2, resourceName: 't', configurationKeys: ['a'] },
        { resourceType: 4, resourceName: '0', configurationKeys: null },
      ],
    },
  ],
  [
    'alterConfigs',
    [0, 1],
    { resources: [{ type: 2, name: 't', configEntries: [{ name: 'a', value: 'b' }] }], validateOnly: true },
    { resources: [{ resourceType: 2, resourceName: 't', configs: [{ name: 'a', value: 'b' }] }], validateOnly: true },
  ],
  [
    'createPartitions',
    [0, 1],
    { topicPartitions: [{ topic: 't', count: 3, assignments: [[1, 2]] }], validateOnly: true, timeout: 5 },
    { topics: [{ name: 't', count: 3, assignments: [{ brokerIds: [1, 2] }] }], validateOnly: true, timeoutMs: 5 },
  ],
  ['describeGroups', [0, 1, 2], { groupIds: ['g'] }, { groups: ['g'] }],
  ['deleteGroups', [0, 1], ['g', 'h'], { groupsNames: ['g', 'h'] }],
  [
    'listPartitionReassignments',
    [0],
    { topics: [{ topic: 't', partitions: [1, 2] }], timeout: 5 },
    { topics: [{ name: 't', partitionIndexes: [1, 2] }], timeoutMs: 5 },
  ],
];

describe('kafkajs encodes, we decode', () => {
  test.each(requests.flatMap(([api, versions, input, seen]) => versions.map((version) => [api, version, input, seen] as const)))(
    '%s %i',
    async (api, version, input, seen) => {
      const request = encoderOf(api, version)(input);
      expect(request.apiVersion).toBe(version);
      const encoded = (await request.encode()).buffer;
      // In its one flexible API kafkajs writes the header's tag section as if it were the body's.
      const buffer = api === 'listPartitionReassignments' ? encoded.subarray(1) : encoded;
      const codec = codecs.get(`${upper(api)}Request`)!;
      const reader = new ByteReader(buffer);
      const decoded = codec.decode(reader, version);
      expect(reader.remaining).toBe(0);
      expect(decoded).toMatchObject(seen as object);
      // And back: what kafkajs wrote is what we write.
      const writer = new ByteWriter();
      codec.encode(writer, decoded, version);
      expect(Buffer.from(writer.view())).toEqual(buffer);
    },
  );

  test.each([3, 5, 7])('produce %i', async (version) => {
    const messages = [{ key: Buffer.from('k'), value: Buffer.from('v'), timestamp: 1, headers: {} }];
    const topicData = [{ topic: 't', partitions: [{ partition: 2, firstSequence: 0, messages }] }];
    const { buffer } = await encoderOf('produce', version)({ acks: -1, timeout: 9, topicData }).encode();
    const reader = new ByteReader(buffer);
    const request = codecs.get('ProduceRequest')!.decode(reader, version) as {
      topicData: { partitionData: { records: Uint8Array }[] }[];
    };
    expect(reader.remaining).toBe(0);
    expect(request).toMatchObject({ acks: -1, timeoutMs: 9, topicData: [{ name: 't', partitionData: [{ index: 2 }] }] });
    const { records } = request.topicData[0]!.partitionData[0]!;
    expect(records[16]).toBe(2);
    expect(Buffer.from(records).readInt32BE(8) + 12).toBe(records.length);
  });
});

const coordinator = { errorCode: 0, errorMessage: null, nodeId: 1, host: 'h', port: 9092 };
const broker = { nodeId: 1, host: 'h', port: 9092, rack: null };
const partition = { errorCode: 0, partitionIndex: 0, leaderId: 1, replicaNodes: [1], isrNodes: [1] };

// [kafkajs's name, versions, our answer, what kafkajs must make of it]
const responses: readonly [api: string, versions: readonly number[], answer: unknown, seen: unknown][] = [
  [
    'apiVersions',
    [0, 1, 2],
    { errorCode: 0, apiKeys: [{ apiKey: 3, minVersion: 1, maxVersion: 2 }] },
    { errorCode: 0, apiVersions: [{ apiKey: 3, minVersion: 1, maxVersion: 2 }] },
  ],
  [
    'metadata',
    [2, 3, 4, 5, 6],
    {
      clusterId: 'c',
      controllerId: 1,
      brokers: [broker],
      topics: [{ errorCode: 0, name: 't', isInternal: true, partitions: [partition] }],
    },
    {
      clusterId: 'c',
      controllerId: 1,
      brokers: [broker],
      topicMetadata: [
        {
          topicErrorCode: 0,
          topic: 't',
          isInternal: true,
          partitionMetadata: [{ partitionErrorCode: 0, partitionId: 0, leader: 1, replicas: [1], isr: [1] }],
        },
      ],
    },
  ],
  [
    'produce',
    [5, 6, 7],
    { responses: [{ name: 't', partitionResponses: [{ index: 1, errorCode: 0, baseOffset: 2 ** 40 + 5, logStartOffset: 3 }] }] },
    { topics: [{ topicName: 't', partitions: [{ partition: 1, baseOffset: '1099511627781', logAppendTime: '-1', logStartOffset: '3' }] }] },
  ],
  [
    'fetch',
    [7, 10, 11],
    {
      sessionId: 5,
      responses: [
        {
          topic: 't',
          partitions: [
            {
              partitionIndex: 1,
              errorCode: 0,
              highWatermark: 9,
              lastStableOffset: 8,
              records: null,
              abortedTransactions: [{ producerId: 4, firstOffset: 6 }],
            },
          ],
        },
      ],
    },
    {
      sessionId: 5,
      responses: [
        {
          topicName: 't',
          partitions: [
            {
              partition: 1,
              highWatermark: '9',
              lastStableOffset: '8',
              messages: [],
              abortedTransactions: [{ producerId: '4', firstOffset: '6' }],
            },
          ],
        },
      ],
    },
  ],
  [
    'listOffsets',
    [1, 2, 3],
    { topics: [{ name: 't', partitions: [{ partitionIndex: 1, errorCode: 0, timestamp: -1, offset: 6 }] }] },
    { responses: [{ topic: 't', partitions: [{ partition: 1, errorCode: 0, timestamp: '-1', offset: '6' }] }] },
  ],
  ['findCoordinator', [1, 2], coordinator, { errorCode: 0, coordinator: { nodeId: 1, host: 'h', port: 9092 } }],
  [
    'joinGroup',
    [5],
    { errorCode: 0, generationId: 2, protocolName: 'range', leader: 'm', memberId: 'm', members: [{ memberId: 'm', metadata: text('x') }] },
    {
      generationId: 2,
      groupProtocol: 'range',
      leaderId: 'm',
      memberId: 'm',
      members: [{ memberId: 'm', groupInstanceId: null, memberMetadata: Buffer.from('x') }],
    },
  ],
  ['syncGroup', [0, 1, 3], { errorCode: 0, assignment: text('a') }, { errorCode: 0, memberAssignment: Buffer.from('a') }],
  ['heartbeat', [0, 1, 2, 3], { errorCode: 27 }, { errorCode: 27 }],
  [
    'leaveGroup',
    [3],
    { errorCode: 0, members: [{ memberId: 'm', groupInstanceId: 'i', errorCode: 25 }] },
    { errorCode: 0, members: [{ memberId: 'm', groupInstanceId: 'i', errorCode: 25 }] },
  ],
  [
    'offsetCommit',
    [2, 3, 5],
    { topics: [{ name: 't', partitions: [{ partitionIndex: 1, errorCode: 22 }] }] },
    { responses: [{ topic: 't', partitions: [{ partition: 1, errorCode: 22 }] }] },
  ],
  [
    'offsetFetch',
    [2, 3, 4],
    { errorCode: 0, topics: [{ name: 't', partitions: [{ partitionIndex: 1, committedOffset: 8, metadata: 'x', errorCode: 0 }] }] },
    { errorCode: 0, responses: [{ topic: 't', partitions: [{ partition: 1, offset: '8', metadata: 'x', errorCode: 0 }] }] },
  ],
  [
    'createTopics',
    [2, 3],
    { topics: [{ name: 't', errorCode: 36, errorMessage: 'there' }] },
    { topicErrors: [{ topic: 't', errorCode: 36, errorMessage: 'there' }] },
  ],
  ['deleteTopics', [1], { responses: [{ name: 't', errorCode: 3 }] }, { topicErrors: [{ topic: 't', errorCode: 3 }] }],
  ['initProducerId', [0, 1], { errorCode: 0, producerId: 5_000_000_000, producerEpoch: 1 }, { producerId: '5000000000', producerEpoch: 1 }],
  [
    'describeConfigs',
    [1, 2],
    {
      throttleTimeMs: 0,
      results: [
        {
          errorCode: 0,
          errorMessage: null,
          resourceType: 2,
          resourceName: 't',
          configs: [
            {
              name: 'a',
              value: null,
              readOnly: true,
              configSource: 5,
              isSensitive: false,
              synonyms: [{ name: 'b', value: 'c', source: 5 }],
            },
          ],
        },
      ],
    },
    {
      resources: [
        {
          resourceType: 2,
          resourceName: 't',
          configEntries: [
            {
              configName: 'a',
              configValue: null,
              readOnly: true,
              configSynonyms: [{ configName: 'b', configValue: 'c', configSource: 5 }],
            },
          ],
        },
      ],
    },
  ],
  [
    'describeGroups',
    [1, 2],
    {
      groups: [
        {
          errorCode: 0,
          groupId: 'g',
          groupState: 'Stable',
          protocolType: 'consumer',
          protocolData: 'range',
          members: [{ memberId: 'm', clientId: 'c', clientHost: '/h', memberMetadata: text('x'), memberAssignment: text('y') }],
        },
      ],
    },
    {
      groups: [
        {
          groupId: 'g',
          state: 'Stable',
          protocolType: 'consumer',
          protocol: 'range',
          members: [
            { memberId: 'm', clientId: 'c', clientHost: '/h', memberMetadata: Buffer.from('x'), memberAssignment: Buffer.from('y') },
          ],
        },
      ],
    },
  ],
  [
    'listGroups',
    [0, 1, 2],
    { errorCode: 0, groups: [{ groupId: 'g', protocolType: 'consumer' }] },
    { groups: [{ groupId: 'g', protocolType: 'consumer' }] },
  ],
];

describe('we encode, kafkajs decodes', () => {
  test.each(responses.flatMap(([api, versions, answer, seen]) => versions.map((version) => [api, version, answer, seen] as const)))(
    '%s %i',
    async (api, version, answer, seen) => {
      const writer = new ByteWriter();
      codecs.get(`${upper(api)}Response`)!.encode(writer, answer, version);
      expect(await decoderOf(api, version).decode(Buffer.from(writer.copy()))).toMatchObject(seen as object);
    },
  );
});

test("a consumer's assignment, as kafkajs writes it", () => {
  const { MemberAssignment } = requireKafkajs('kafkajs/src/consumer/assignerProtocol') as {
    MemberAssignment: { encode(input: unknown): Buffer };
  };
  const reader = new ByteReader(MemberAssignment.encode({ version: 0, assignment: { t: [0, 2] }, userData: Buffer.from('u') }));
  const version = reader.int16();
  expect(consumerProtocolAssignmentSchema.decode(reader, version)).toEqual({
    assignedPartitions: [{ topic: 't', partitions: [0, 2] }],
    userData: text('u'),
  });
  expect(reader.remaining).toBe(0);
});
