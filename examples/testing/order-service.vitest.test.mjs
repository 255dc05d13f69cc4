// vitest: `npx vitest run`. A connection that is lost after the append, and an order that is there once all the same.
import { Kafka, logLevel } from 'kafkajs';
import { startTestBroker } from 'ringlog/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OrderService } from './order-service.cjs';

let broker;
let orders;

beforeAll(async () => {
  broker = await startTestBroker({ topics: ['orders'] });
  orders = new OrderService(new Kafka({ brokers: [broker.bootstrap], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 10 } }));
  await orders.start();
});

afterAll(async () => {
  await orders?.stop();
  await broker?.close();
});

test('an order whose acknowledgement is lost is stored once', async () => {
  const lost = broker.faults.add({ api: 'Produce', topic: 'orders', drop: 'after-append' });
  await orders.place({ customer: 'ada', item: 'lamp' });
  expect(lost.hits).toBe(1);
  const records = await broker.records('orders');
  expect(records.map(({ key, value }) => [key.toString(), JSON.parse(value.toString()).item])).toEqual([['ada', 'lamp']]);
  expect(broker.requests.filter(({ api }) => api === 'Produce')).toHaveLength(2);
});
