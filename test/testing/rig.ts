// Test brokers and their clients, gone after each test. Owner: the test's thread.

import { Kafka, logLevel } from 'kafkajs';
import { afterEach } from 'vitest';
import { startTestBroker, type TestBrokerOptions } from '../../src/testing/start-test-broker.ts';
import type { TestBroker } from '../../src/testing/test-broker.ts';
import { RawClient } from '../support/broker.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

export function atEnd(end: () => unknown): void {
  ends.push(end);
}

export async function started(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const broker = await startTestBroker(options);
  atEnd(() => broker.close());
  return broker;
}

export async function rawClient(broker: TestBroker): Promise<RawClient> {
  const client = await RawClient.open(broker.port);
  atEnd(() => client.destroy());
  return client;
}

/** Patient: a test waits for what happens, not for a number of tries. */
export function kafkaOf(broker: TestBroker): Kafka {
  const retry = { initialRetryTime: 5, maxRetryTime: 100, retries: 50 };
  return new Kafka({ clientId: 'shop', brokers: [broker.bootstrap], logLevel: logLevel.NOTHING, retry });
}

export async function valuesOf(broker: TestBroker, topic: string): Promise<string[]> {
  return (await broker.records(topic)).map(({ value }) => value!.toString());
}
