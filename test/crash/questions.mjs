// What the IO error rig asks of a broker, one connection a question.

import { openBroker } from '../../dist/cli/crash/leader-connection.js';
import { buildBatch } from '../../dist/engine/record/batch-builder.js';
import { describeLogDirsApi } from '../../dist/net/kafka/schema/generated/describe-log-dirs.js';
import { metadataApi } from '../../dist/net/kafka/schema/generated/metadata.js';
import { produceApi } from '../../dist/net/kafka/schema/generated/produce.js';

const PRODUCE_VERSION = 9;

async function ask(port, question) {
  const connection = await openBroker(port);
  try {
    return await question(connection);
  } finally {
    connection.close();
  }
}

/** The error code of each partition in a topic's metadata. */
export async function partitionErrors(port, topic) {
  const request = { topics: [{ name: topic }], allowAutoTopicCreation: false };
  const { topics } = await ask(port, (connection) => connection.call(metadataApi, request));
  return topics[0].partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex).map(({ errorCode }) => errorCode);
}

/** What this very node answers to a produce with acks=1 of one record of `bytes`. */
export async function produceError(port, topic, index, bytes = 1) {
  const records = buildBatch([{ key: null, value: Buffer.alloc(bytes) }], { timestampMs: Date.now() });
  const request = { acks: 1, timeoutMs: 5000, topicData: [{ name: topic, partitionData: [{ index, records }] }] };
  const { responses } = await ask(port, (connection) => connection.call(produceApi, request, PRODUCE_VERSION));
  return responses[0].partitionResponses[0].errorCode;
}

/** Error codes by log directory. */
export async function describeLogDirs(port) {
  const { results } = await ask(port, (connection) => connection.call(describeLogDirsApi, { topics: null }));
  return results.map(({ logDir, errorCode }) => [logDir, errorCode]);
}
