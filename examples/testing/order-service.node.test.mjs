// node:test: `npm test`. A broker that dies with the power, and an order that was acknowledged before.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import { startTestBroker } from 'ringlog/testing';
import { OrderService } from './order-service.cjs';

let broker;
let orders;

before(async () => {
  broker = await startTestBroker({ topics: ['orders'] });
  orders = new OrderService(new Kafka({ brokers: [broker.bootstrap], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 10 } }));
  await orders.start();
});

after(async () => {
  await orders?.stop();
  await broker?.close();
});

test('what was acknowledged survives a power cut, and the service goes on', async () => {
  await orders.place({ customer: 'ada', item: 'lamp' });
  await broker.crash({ lose: 'unsynced' });
  await broker.restart();
  await orders.place({ customer: 'ada', item: 'rug' });
  const items = (await broker.records('orders')).map(({ value }) => JSON.parse(value.toString()).item);
  assert.deepEqual(items, ['lamp', 'rug']);
});
