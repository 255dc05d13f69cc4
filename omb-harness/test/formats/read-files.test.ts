// Workload and driver files: what upstream and its forks write is read, what is misspelt is named with what was meant.
import fc from 'fast-check';
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { harnessFolder, loadDriver, loadWorkload } from '../../src/cli/bench-files.ts';
import { editDistance, nearestName } from '../../src/formats/nearest-name.ts';
import { readDriver } from '../../src/formats/read-driver.ts';
import { readProperties } from '../../src/formats/read-properties.ts';
import { readWorkload } from '../../src/formats/read-workload.ts';

const stock = `
name: 1 topic, 16 partitions, 1 KiB
topics: 1
partitionsPerTopic: 16
keyDistributor: "NO_KEY"
messageSize: 1024
payloadFile: "payload/payload-1Kb.data"
subscriptionsPerTopic: 1
consumerPerSubscription: 1
producersPerTopic: 1
producerRate: 50000
consumerBacklogSizeGB: 0
testDurationMinutes: 15
`;
const read = (yaml: string, lenient = false) => readWorkload('dir/w.yaml', 'w', yaml, lenient);
const errorsOf = (yaml: string, lenient = false): readonly string[] => {
  const found = read(yaml, lenient);
  return found.ok ? [] : found.errors;
};

test('a stock file is read whole, and what forks default otherwise is said', () => {
  const found = read(stock);
  if (!found.ok) throw new Error(found.errors.join());
  expect(found.workload).toMatchObject({
    stem: 'w',
    partitionsPerTopic: 16,
    keyDistributor: 'NO_KEY',
    producerRate: 50_000,
    warmupDurationMinutes: 1,
  });
  expect(found.workload).toMatchObject({ backlogDrainRatio: 1, testDurationMinutes: 15, payloadFile: 'payload/payload-1Kb.data' });
  expect(found.notices.join('\n')).toContain('warmupDurationMinutes is not given: 1 here, 30 in');
});

test("the forks' fields are read", () => {
  const found = read(`${stock.replace('topics: 1', 'topics: 0')}
existingProduceTopicList: [a, b]
existingConsumeTopicList: [c]
logIntervalMillis: 500
drainProducerRate: 100
backlogProducerRate: 7
warmupProducerRate: 5
warmupProducerRateSeparationMinutes: 2
producersPerTopicList: [3, 1]
randomTopicNames: false
producerRateList: [[0, 1000], [90, 2000]]
messageSizeDistribution: { 0-256: 4, 1KB - 3 kb: 1 }
`);
  if (!found.ok) throw new Error(found.errors.join());
  expect(found.workload).toMatchObject({
    ...{ existingProduceTopicList: ['a', 'b'], existingConsumeTopicList: ['c'], producersPerTopicList: [3, 1] },
    ...{ sampleRateMillis: 500, randomTopicNames: false, warmupProducerRateSeparationMinutes: 2 },
  });
  expect(found.workload.producerRateList).toEqual({
    since: 'beginning',
    points: [
      { minute: 0, ratePerSecond: 1000 },
      { minute: 90, ratePerSecond: 2000 },
    ],
  });
  expect(found.workload.messageSizeDistribution).toEqual([
    { minBytes: 0, maxBytes: 256, weight: 4 },
    { minBytes: 1024, maxBytes: 3072, weight: 1 },
  ]);
  // Each range is its middle: (4 x 128 + 2048) / 5.
  expect(found.workload.messageSize).toBe(512);
  const overruled = ['messageSize is', 'payloadFile is', 'producersPerTopic is', 'producerRate is', 'partitionsPerTopic is'];
  for (const field of overruled) expect(found.notices.join('\n')).toContain(`${field} passed over`);
  const clock = read(`${stock}producerRateList: [[6, 30, 10], [18, 0, 20]]\npartitionsPerTopicList: [4]\n`);
  expect(clock.ok && clock.workload.producerRateList).toMatchObject({ since: 'midnight', points: [{ minute: 390 }, { minute: 1080 }] });
});

test.each([
  ['partitionsPerTopicList: [1, 2]', 'partitionsPerTopicList has 2 entries for 1 topics'],
  ['producersPerTopicList: [1, 2]', 'producersPerTopicList has 2 entries for 1 topics'],
  ['existingTopicList: [a]', 'topics must be 0 where existing topics are listed'],
  ['producerRateList: [[0, 10], [1, 2, 3]]', 'must be a list of [minute, rate] or of [hour, minute, rate]'],
  ['producerRateList: [[5, 10], [5, 20]]', 'must rise in time'],
  ['producerRateList: [[24, 0, 10]]', '24:0, which is no time of a day'],
  ['producerRateList: [[0, 0]]', 'is 0 throughout'],
  ['messageSizeDistribution: { big: 1 }', "as '0-256: 4'"],
  ['messageSizeDistribution: { 256-0: 1 }', "as '0-256: 4'"],
  ['messageSizeDistribution: { 0-256: 0 }', "as '0-256: 4'"],
  ['consumerOnly: true', 'consumerOnly needs consumerBacklogSizeGB where topics are made'],
])("what a fork's field cannot be is said: %s", (line, message) => {
  expect(errorsOf(`${stock}${line}\n`).join('\n')).toContain(message);
});

test.each([
  ['existingTopicList: [a, a]', 'listed twice'],
  ['existingProduceTopicList: [a]', 'go together'],
  ['existingTopicList: [a]\nexistingProduceTopicList: [a]\nexistingConsumeTopicList: [c]', 'listed twice'],
])('topics that are there are named in one way: %s', (lines, message) => {
  expect(errorsOf(`${stock.replace('topics: 1', 'topics: 0')}${lines}\n`).join('\n')).toContain(message);
});

test('a misspelt field is an error with its line and what was meant; --lenient passes over it', () => {
  const yaml = stock.replace('producersPerTopic:', 'producerPerTopic:');
  expect(errorsOf(yaml)).toEqual(["dir/w.yaml:10: unknown field 'producerPerTopic'; did you mean 'producersPerTopic'?"]);
  expect(errorsOf(`${stock}nonsense: 1\n`)).toEqual(["dir/w.yaml:14: unknown field 'nonsense'"]);
  const lenient = read(`${stock}nonsense: 1\n`, true);
  expect(lenient.ok && lenient.notices[0]).toContain("unknown field 'nonsense'; ignored");
});

test.each([
  ['producerRate: 50000', 'producerRate: -1', 'producerRate must be a whole number from 0 on, not -1'],
  ['messageSize: 1024', 'messageSize: big', 'messageSize must be a whole number from 0 on, not "big"'],
  ['"NO_KEY"', '"KEY_ROUND_ROBBIN"', 'did you mean KEY_ROUND_ROBIN?'],
  ['topics: 1', 'topics: 0', 'topics must be at least 1'],
  ['consumerBacklogSizeGB: 0\n', 'consumerBacklogSizeGB: 1\nbacklogDrainRatio: 1.5\n', 'backlogDrainRatio must be from 0 to 1, not 1.5'],
  ['name: ', 'name: [', 'dir/w.yaml: '],
])('what cannot be is said: %s as %s', (from, to, message) => {
  const errors = errorsOf(stock.replace(from, to));
  expect(errors).toHaveLength(1);
  expect(errors[0]).toContain(message);
});

test('a backlog and a search for the rate exclude each other', () => {
  const yaml = stock.replace('producerRate: 50000', 'producerRate: 0').replace('consumerBacklogSizeGB: 0', 'consumerBacklogSizeGB: 1');
  expect(errorsOf(yaml)[0]).toContain('needs a producerRate');
});

test('a driver file is four blocks of properties; common is under both', () => {
  const found = readDriver(
    'd.yaml',
    'd',
    `name: Kafka
driverClass: io.openmessaging.benchmark.driver.kafka.KafkaBenchmarkDriver
replicationFactor: 3
topicConfig: |
  min.insync.replicas=2
commonConfig: |
  bootstrap.servers=localhost:9092
  request.timeout.ms=120000
producerConfig: |
  acks=all
  request.timeout.ms=5
`,
    false,
  );
  if (!found.ok) throw new Error(found.errors.join());
  expect(found.driver.topicConfig).toEqual({ 'min.insync.replicas': '2' });
  expect(found.driver.producerConfig).toEqual({ 'bootstrap.servers': 'localhost:9092', 'request.timeout.ms': '5', acks: 'all' });
  expect(found.driver.consumerConfig).toEqual({ 'bootstrap.servers': 'localhost:9092', 'request.timeout.ms': '120000' });
  expect(found.notices.join()).toContain('enable.auto.commit is not given');
  const again = readDriver('d.yaml', 'd', 'driverClass: ringlog\nreset: true\n', false);
  expect(again.ok && again.driver.reset && again.notices.join()).toContain('test-topic… that earlier runs left are deleted');
  expect(readDriver('d.yaml', 'd', 'name: x', false)).toEqual({ ok: false, errors: ['d.yaml: driverClass is missing'] });
});

test("properties are Java's", () => {
  const text = '# c\n! c\n a = b \nc:d\ne f\n g\\=h=i\\\n   j\nk=\\u0041\\t\nempty\n';
  expect(readProperties(text)).toEqual({ a: 'b ', c: 'd', e: 'f', 'g=h': 'ij', k: 'A\t', empty: '' });
});

test('the nearest name is near, and its distance is a distance', () => {
  expect(nearestName('mesageSize', ['messageSize', 'topics'])).toBe('messageSize');
  expect(nearestName('zzzz', ['messageSize', 'topics'])).toBeNull();
  expect(editDistance('ab', 'ba')).toBe(1);
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      expect(editDistance(a, a)).toBe(0);
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
    }),
  );
});

test('every file that ships is read strictly, by its name', () => {
  const stems = (folder: string): string[] => readdirSync(harnessFolder(folder)).map((file) => file.replace(/\.yaml$/, ''));
  expect(stems('workloads')).toContain('quick');
  for (const stem of stems('workloads')) expect(loadWorkload(stem, false).value.stem).toBe(stem);
  for (const stem of stems('drivers')) expect(loadDriver(stem, false).value.name).toBe(stem);
});
