// kafkajs as the rigs use it: quiet, quick to retry, closed with the case.

import kafkajs from 'kafkajs';

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';

// A broker that restarts is away for a second or two.
const patient = { initialRetryTime: 100, maxRetryTime: 500, retries: 60 };

/** @param context `broker`, and `defer` for what has to be closed */
export function openKafkajs({ broker, defer }, retry = patient) {
  const kafka = new kafkajs.Kafka({
    clientId: 'rig',
    brokers: [broker.bootstrap],
    logLevel: process.env.RIG_KAFKAJS_LOG ? kafkajs.logLevel.INFO : kafkajs.logLevel.NOTHING,
    connectionTimeout: 10_000,
    requestTimeout: 30_000,
    retry,
  });
  return {
    async producer(options = {}) {
      const producer = kafka.producer({ allowAutoTopicCreation: false, ...options });
      defer(() => producer.disconnect());
      await producer.connect();
      return producer;
    },
    consumer: ({ groupId, ...options }) =>
      kafka.consumer({
        groupId,
        sessionTimeout: 30_000,
        rebalanceTimeout: 30_000,
        heartbeatInterval: 300,
        maxWaitTimeInMs: 200,
        ...options,
      }),
    async withAdmin(work) {
      const admin = kafka.admin();
      await admin.connect();
      try {
        return await work(admin);
      } finally {
        await admin.disconnect();
      }
    },
  };
}
