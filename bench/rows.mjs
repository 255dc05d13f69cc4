// The rows of the side-by-side table: which load, which figure is read from its result, and what Kafka/us has to reach.
// Every figure is one where less is better, so that Kafka/us above 1 always means that we are ahead.

const cpuPerRequest = { name: 'CPU', unit: 'us/req', of: (r) => r.broker.cpuUsPerRequest };
const cpuPerGigabyte = { name: 'CPU', unit: 's/GB', of: (r) => r.broker.cpuSecondsPerGB };

const produce = (id, title, load, figure, floor, aim) => ({
  id,
  title,
  kind: 'produce',
  load: { partitions: 4, inFlight: 5, ...load },
  figures: [{ ...figure, floor, aim }],
});

const fetch = (id, title, answerBytes, floor, aim) => ({
  id,
  title,
  kind: 'fetch',
  load: { partitions: 4, connections: 4, answerBytes },
  figures: [{ ...cpuPerGigabyte, floor, aim }],
});

export const rows = [
  {
    id: 'start',
    title: 'start',
    kind: 'start',
    figures: [
      { name: 'empty dir to first ack', unit: 'ms', of: (r) => r.empty.firstAckMs, floor: 5, aim: 15 },
      { name: 'known topic to first ack', unit: 'ms', of: (r) => r.known.firstAckMs, floor: 5, aim: 15 },
      { name: 'idle RSS', unit: 'MiB', of: (r) => r.idleRssMiB, floor: 3, aim: 4 },
    ],
  },
  produce('produce-100', 'produce 100 B, 8x5', { connections: 8, recordBytes: 100, records: 1 }, cpuPerRequest, 6, 12),
  produce('produce-1000-1x5', 'produce 1,000 B, 1x5', { connections: 1, recordBytes: 1000, records: 1 }, cpuPerRequest, 3, 5),
  produce('produce-1000-8x5', 'produce 1,000 B, 8x5', { connections: 8, recordBytes: 1000, records: 1 }, cpuPerRequest),
  produce('produce-16k', 'produce 16 KiB, 4x5', { connections: 4, recordBytes: 1000, records: 16 }, cpuPerGigabyte, 3, 4.5),
  produce('produce-64k', 'produce 64 KiB, 4x5', { connections: 4, recordBytes: 1000, records: 64 }, cpuPerGigabyte, 2, 3),
  // 1,024 records of 1,000 B stay just below Kafka's default max.message.bytes.
  produce('produce-1m', 'produce 1 MiB, 4x5', { connections: 4, recordBytes: 1000, records: 1024 }, cpuPerGigabyte, 1.2, 1.6),
  fetch('fetch-256k', 'fetch 256 KiB answers, 4x1', 256 << 10, 1, 1.3),
  fetch('fetch-1m', 'fetch 1 MiB answers, 4x1', 1 << 20, 1, 1.3),
  {
    id: 'tail',
    title: 'tail 10,000 msg/s x 1,000 B',
    kind: 'tail',
    load: { partitions: 1, connections: 1, recordBytes: 1000, rate: 10_000 },
    figures: [
      { name: 'end to end p50', unit: 'us', of: (r) => r.endToEndUs.p50, floor: 1 / 0.8, aim: 2 },
      { name: 'end to end p99', unit: 'us', of: (r) => r.endToEndUs.p99, floor: 4, aim: 10 },
      { name: 'end to end p99.9', unit: 'us', of: (r) => r.endToEndUs.p99_9, floor: 4, aim: 10 },
      { name: 'publish p50', unit: 'us', of: (r) => r.latencyUs.p50 },
      { name: 'publish p99', unit: 'us', of: (r) => r.latencyUs.p99 },
      { name: 'publish p99.9', unit: 'us', of: (r) => r.latencyUs.p99_9 },
      { name: 'CPU a message', unit: 'us', of: (r) => r.broker.cpuUsPerRequest, floor: 4, aim: 8 },
    ],
  },
];
