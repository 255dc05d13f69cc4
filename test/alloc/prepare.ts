// What a measured broker needs before it is measured, asked for over its port. Owner: tests.

import { createTopicsApi } from '../../src/net/kafka/schema/generated/create-topics.ts';
import { fetch, RawClient } from '../support/broker.ts';

export async function createTopic(port: number, name: string, numPartitions: number): Promise<void> {
  const client = await RawClient.open(port);
  const topics = [{ name, numPartitions, replicationFactor: 1, assignments: [], configs: [] }];
  const { errorCode } = (await client.call(createTopicsApi, 7, { topics })).topics[0]!;
  client.destroy();
  if (errorCode !== 0) throw new Error(`topic ${name}: error ${errorCode}`);
}

/** Where the log ends. */
export async function endOf(port: number, topic: string): Promise<number> {
  const client = await RawClient.open(port);
  const { highWatermark } = await fetch(client, topic);
  client.destroy();
  return highWatermark;
}
