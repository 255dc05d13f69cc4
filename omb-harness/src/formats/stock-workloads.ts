// OMB's stock workloads by name: each made from what its name says, in the format their files have, so that the reader of files
// reads them too. Owner: pure. Not hot.

interface Shape {
  readonly topics: number;
  readonly partitions: number;
  readonly size: '100b' | '1kb' | '64kb';
  /** A file of one message, or a pool of messages half random. */
  readonly payload: 'file' | 'pool';
  readonly producers: number;
  readonly consumers: number;
  readonly subscriptions?: number;
  /** Messages a second; 0: find the highest. */
  readonly rate: number;
  readonly backlogGB?: number;
  readonly minutes: number;
}

const bytesOf = { '100b': 100, '1kb': 1024, '64kb': 65536 } as const;
const fileOf = { '100b': 'payload/payload-100b.data', '1kb': 'payload/payload-1Kb.data', '64kb': '' } as const;
const POOL_MESSAGES = 1000;
const POOL_MESSAGES_LARGE = 100;
/** What most of the "max-rate" files ask for: nothing meets it, so their latencies are those of a queue without end. */
const BEYOND_ALL = 10_000_000;
const tens = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100] as const;
const withLarge: readonly number[] = [10, 20, 40, 60, 80, 100];

const plain = { topics: 1, producers: 1, consumers: 1 } as const;
const four = { producers: 4, consumers: 4, size: '1kb', payload: 'pool', minutes: 5 } as const;
const plural = (count: number, word: string): string => `${count}-${word}${count === 1 ? '' : 's'}`;
const thousands = (text: string): number => Number(text.replace(/[km]$/, '')) * (text.endsWith('m') ? 1e6 : text.endsWith('k') ? 1000 : 1);

const stock: ReadonlyMap<string, Shape> = new Map([
  ...steady(),
  ...manyTopics(),
  ...backlogs(),
  ...discoveries(),
  ...maxRates('partitions'),
  ...maxRates('topics'),
]);

export const stockWorkloadNames: readonly string[] = [...stock.keys()];

/** As its file would read; null: there is none of that name. */
export function stockWorkload(stem: string): string | null {
  const shape = stock.get(stem);
  return shape === undefined ? null : yamlOf(stem, shape);
}

type Named = readonly [stem: string, shape: Shape];

function steady(): Named[] {
  const small = { ...plain, payload: 'file', rate: 50_000, minutes: 15 } as const;
  return [
    ['simple-workload', { ...plain, partitions: 10, size: '1kb', payload: 'file', rate: 10_000, minutes: 5 }],
    ['1-topic-1-partition-100b', { ...small, partitions: 1, size: '100b' }],
    ['1-topic-1-partition-1kb', { ...small, partitions: 1, size: '1kb' }],
    ['1-topic-6-partition-100b', { ...small, partitions: 6, size: '100b' }],
    ['1-topic-16-partition-100b', { ...small, partitions: 16, size: '100b' }],
    ['1-topic-16-partitions-1kb', { ...small, partitions: 16, size: '1kb' }],
    ['1-topic-100-partitions-1kb', { ...small, partitions: 100, size: '1kb', minutes: 240 }],
    ['1-topic-3-partition-100b-3producers', { ...small, partitions: 3, size: '100b', producers: 3, rate: 0 }],
    ['100-topics-1-partitions-1kb', { ...small, topics: 100, partitions: 1, size: '1kb', subscriptions: 3, rate: 150_000, minutes: 240 }],
    ...[1, 2, 3, 4, 6, 9, 16].map((partitions): Named => {
      const shape = { ...plain, topics: 10, partitions, size: '100b', payload: 'pool', rate: 1_000_000, minutes: 15 } as const;
      return [`1m-10-topics-${plural(partitions, 'partition')}-100b`, shape];
    }),
  ];
}

function manyTopics(): Named[] {
  const made: Named[] = [];
  for (const partitions of [100, 10_000])
    for (const rate of ['200k', '500k', '1000k', '2000k'])
      made.push([`1-topic-${partitions}-partitions-1kb-4p-4c-${rate}`, { ...four, topics: 1, partitions, rate: thousands(rate) }]);
  const families: readonly (readonly [topics: readonly string[], rates: readonly string[]])[] = [
    [
      ['100', '500', '300k', '400k', '500k', '700k', '800k', '900k', '1m'],
      ['500k', '2000k'],
    ],
    [
      ['1k', '5k', '10k', '50k', '100k', '200k'],
      ['100k', '500k', '2000k'],
    ],
  ];
  for (const [topics, rates] of families)
    for (const count of topics)
      for (const rate of rates)
        made.push([`${count}-topic-1kb-4p-4c-${rate}`, { ...four, topics: thousands(count), partitions: 1, rate: thousands(rate) }]);
  // The file that is named by 600k asks for 500,000.
  const sixth = { ...four, topics: 600_000, partitions: 1 } as const;
  made.push(['600k-topic-1kb-4p-4c-600k', { ...sixth, rate: 500_000 }], ['600k-topic-1kb-4p-4c-2000k', { ...sixth, rate: 2_000_000 }]);
  return made;
}

function backlogs(): Named[] {
  const old = { ...plain, size: '1kb', payload: 'file', rate: 100_000, backlogGB: 100, minutes: 5 } as const;
  return [
    ['1-topic-100-partitions-1kb-4p-4c-200k-backlog', { ...four, topics: 1, partitions: 100, rate: 200_000, backlogGB: 512 }],
    ['backlog-1-topic-1-partition-1kb', { ...old, partitions: 1 }],
    ['backlog-1-topic-16-partitions-1kb', { ...old, partitions: 16 }],
  ];
}

function discoveries(): Named[] {
  return [16, 100].flatMap((partitions) =>
    (['100b', '1kb'] as const).map((size): Named => {
      const shape = { ...plain, partitions, size, payload: 'file', rate: 0, minutes: 5 } as const;
      return [`max-rate-1-topic-${partitions}-partitions-${size}`, shape];
    }),
  );
}

function maxRates(what: 'partitions' | 'topics'): Named[] {
  const asked = { ...plain, rate: BEYOND_ALL, minutes: 5 } as const;
  const made: Named[] = [];
  for (const count of tens)
    for (const size of ['100b', '1kb', '64kb'] as const) {
      if (size === '64kb' && !withLarge.includes(count)) continue;
      const payload = withLarge.includes(count) ? 'pool' : 'file';
      if (what === 'topics')
        made.push([`max-rate-${count}-topics-1-partition-${size}`, { ...asked, topics: count, partitions: 1, size, payload }]);
      else {
        const shape = { ...asked, partitions: count, producers: count, consumers: count, size, payload } as const;
        made.push([`max-rate-1-topic-${count}-partitions-${count}p-${count}c-${size}`, shape]);
      }
    }
  if (what === 'topics') return made;
  for (const size of ['100b', '1kb', '64kb'] as const) {
    made.push([`max-rate-1-topic-1-partition-1p-1c-${size}`, { ...asked, partitions: 1, size, payload: 'pool' }]);
    made.push([`max-rate-1-topic-10-partitions-1p-1c-${size}`, { ...asked, partitions: 10, size, payload: 'pool' }]);
    if (size !== '64kb') made.push([`max-rate-1-topic-100-partitions-1p-1c-${size}`, { ...asked, partitions: 100, size, payload: 'file' }]);
  }
  made.push(['max-rate-1-topic-1-partition-4p-1c-1kb', { ...asked, partitions: 1, producers: 4, size: '1kb', payload: 'pool' }]);
  return made;
}

function yamlOf(stem: string, shape: Shape): string {
  const pool = {
    useRandomizedPayloads: true,
    randomBytesRatio: 0.5,
    randomizedPayloadPoolSize: shape.size === '64kb' ? POOL_MESSAGES_LARGE : POOL_MESSAGES,
  };
  const fields = {
    name: stem,
    topics: shape.topics,
    partitionsPerTopic: shape.partitions,
    messageSize: bytesOf[shape.size],
    ...(shape.payload === 'pool' ? pool : { payloadFile: fileOf[shape.size] }),
    subscriptionsPerTopic: shape.subscriptions ?? 1,
    producersPerTopic: shape.producers,
    consumerPerSubscription: shape.consumers,
    producerRate: shape.rate,
    consumerBacklogSizeGB: shape.backlogGB ?? 0,
    testDurationMinutes: shape.minutes,
  };
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${String(value)}\n`)
    .join('');
}
