// What open(), producers and consumers refuse: slips that would silently mean something else.

import { describe, expect, test } from 'vitest';
import type { ConsumerOptions } from '../../src/embed/consumer-options.ts';
import { open, type OpenOptions } from '../../src/embed/open.ts';
import type { ProducerOptions } from '../../src/embed/producer.ts';
import { KINDS, useTemporaryLogs } from './temporary-log.ts';

const logs = useTemporaryLogs();

test.each([
  ['an array of topics', { topics: [{ name: 't' }] }, /topics is \{ name: partitions \}/],
  ['a topic as a word', { topics: { t: 'three' } }, /topic t: topics is/],
  ['a word of a topic', { topics: { t: { partition: 3 } } }, /did you mean partitions\?/],
  ['no partitions', { topics: { t: -1 } }, /partitions=-1/],
  ['configs in an array', { topics: { t: { configs: ['a=b'] } } }, /configs is \{ name: value \}/],
  ['a misspelt option', { topic: { t: 1 } }, /open\(\) has no option topic: did you mean topics\?/],
  ['an option of another', { retention: 5 }, /has no option retention: it has dir, shards/],
  ['a port alone', { kafka: 9092 }, /open\(\{ kafka \}\) takes an object/],
  ['no port', { kafka: { host: '127.0.0.1' } }, /port=undefined/],
  ['a word of the gateway', { http: { port: 0, tokn: 'x' } }, /did you mean token\?/],
  ['config in an array', { config: ['log.segment.bytes=1'] }, /config is \{ name: value \}/],
  ['a logger that is a function', { logger: () => undefined }, /logger has info/],
])('open refuses %s', async (_name, options, why) => {
  const opening = open({ dir: logs.directory(), shards: 0, ...(options as unknown as Partial<OpenOptions>) });
  await expect(opening).rejects.toMatchObject({ name: 'RinglogError', code: 'INVALID_ARGUMENT', message: expect.stringMatching(why) });
});

describe('of an open log', () => {
  test('producers, consumers and admin', async () => {
    const log = await logs.open(KINDS[0], { topics: { t: 1 } });
    const refused = { name: 'RinglogError', code: 'INVALID_ARGUMENT' };
    for (const [options, why] of [
      [{ linger: 5 }, /did you mean lingerMs\?/],
      [{ ack: 'all' }, /did you mean acks\?/],
      [{ lingerMs: '5' }, /lingerMs=5: accepted is 0 to 60000/],
      [{ idempotent: 'no' }, /idempotent is true or false/],
      [{ value: 'json' }, /value is a codec/],
      [{ partitioner: 'random' }, /partitioner is 'murmur2' or a function/],
    ] as const) {
      const message = expect.stringMatching(why);
      expect(() => log.producer(options as unknown as ProducerOptions<string, string>)).toThrow(
        expect.objectContaining({ ...refused, message }),
      );
    }
    for (const [options, why] of [
      [{ topics: 't' }, /topics is an array/],
      [{ topics: ['t'], from: 'begin' }, /from is 'earliest', 'latest' or/],
      [{ topics: ['t'], groupId: 'g' }, /has no option groupId: did you mean group\?/],
      [{ topics: ['t'], maxRecord: 5 }, /did you mean maxRecords\?/],
      [{ topics: ['t'], maxRecords: 0 }, /maxRecords=0/],
    ] as const) {
      const message = expect.stringMatching(why);
      expect(() => log.consumer(options as unknown as ConsumerOptions<string, string>)).toThrow(
        expect.objectContaining({ ...refused, message }),
      );
    }
    const consumer = log.consumer({ topics: ['t'] });
    await expect(consumer.seek({ topic: 't', partition: 0 }, -5)).rejects.toMatchObject(refused);
    await expect(consumer.seek({ topic: 't', partition: 0 }, 'end' as 'latest')).rejects.toMatchObject(refused);
    await expect(log.admin.createTopic('u', 3 as unknown as { partitions: number })).rejects.toMatchObject(refused);
    await expect(log.admin.offsets('t', 'end' as 'latest')).rejects.toMatchObject(refused);
    expect(log.admin.listTopics().map(({ name }) => name)).toEqual(['t']);
  });
});
