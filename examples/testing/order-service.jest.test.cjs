// jest: `npx jest --testMatch '**/*.jest.test.cjs'`. A consumer whose session ends, and which counts on.
const { Kafka, logLevel } = require('kafkajs');
const { startTestBroker } = require('ringlog/testing');
const { OrderCounter, OrderService } = require('./order-service.cjs');

let broker;
let orders;
let counter;

beforeAll(async () => {
  broker = await startTestBroker({ topics: ['orders'] });
  const kafka = new Kafka({ brokers: [broker.bootstrap], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 10 } });
  orders = new OrderService(kafka);
  counter = new OrderCounter(kafka);
  await orders.start();
});

afterAll(async () => {
  await counter?.stop();
  await orders?.stop();
  await broker?.close();
});

test('a counter that the group gave up joins again and misses no order', async () => {
  let counted = () => undefined;
  const next = () => new Promise((resolve) => (counted = resolve));
  const first = next();
  await counter.start(() => counted());
  await orders.place({ customer: 'ada', item: 'lamp' });
  await first;

  // kafkajs asks for a session of 30 s.
  const rejoined = broker.nextRequest({ api: 'JoinGroup', group: 'order-counter' });
  await broker.clock.advance(30_001);
  await rejoined;

  const second = next();
  await orders.place({ customer: 'ada', item: 'rug' });
  await second;
  expect(counter.byCustomer.get('ada')).toBeGreaterThanOrEqual(2);
});
