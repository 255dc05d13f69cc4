// The application: takes orders in, and counts them by customer. It knows Kafka clients only, and not what answers them.

class OrderService {
  constructor(kafka) {
    this.producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  }

  start() {
    return this.producer.connect();
  }

  /** Resolves when every in-sync replica has it. */
  place(order) {
    return this.producer.send({ topic: 'orders', acks: -1, messages: [{ key: order.customer, value: JSON.stringify(order) }] });
  }

  stop() {
    return this.producer.disconnect();
  }
}

class OrderCounter {
  constructor(kafka) {
    this.byCustomer = new Map();
    this.consumer = kafka.consumer({ groupId: 'order-counter', maxWaitTimeInMs: 100 });
  }

  /** `onOrder` is called after each. */
  async start(onOrder = () => undefined) {
    await this.consumer.connect();
    await this.consumer.subscribe({ topic: 'orders', fromBeginning: true });
    await this.consumer.run({
      eachMessage: async ({ message }) => {
        const { customer } = JSON.parse(message.value.toString());
        this.byCustomer.set(customer, (this.byCustomer.get(customer) ?? 0) + 1);
        onOrder();
      },
    });
  }

  stop() {
    return this.consumer.disconnect();
  }
}

module.exports = { OrderCounter, OrderService };
