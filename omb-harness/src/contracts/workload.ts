// Workload: an OMB workload file after reading, every fork's fields, defaults filled in. Owner: pure; a contract, types only.

export type KeyDistribution = 'NO_KEY' | 'KEY_ROUND_ROBIN' | 'RANDOM_NANO';

/** AutoMQ's producerRateList: points in time, with the rate between two of them on the line from one to the other. */
export interface RateList {
  /** Minutes since the measured time began, or since midnight, local time. */
  readonly since: 'beginning' | 'midnight';
  readonly points: readonly { readonly minute: number; readonly ratePerSecond: number }[];
}

export interface SizeWeight {
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly weight: number;
}

/** Field names are OMB's, so that what is printed is what a file says. */
export interface Workload {
  /** The file's stem: result files are named by it. */
  readonly stem: string;
  readonly name: string;
  readonly topics: number;
  readonly partitionsPerTopic: number;
  readonly partitionsPerTopicList: readonly number[] | null;
  readonly keyDistributor: KeyDistribution;
  /** The mean where sizes are drawn. */
  readonly messageSize: number;
  readonly messageSizeDistribution: readonly SizeWeight[] | null;
  readonly useRandomizedPayloads: boolean;
  readonly randomBytesRatio: number;
  readonly randomizedPayloadPoolSize: number;
  readonly payloadFile: string | null;
  readonly subscriptionsPerTopic: number;
  readonly producersPerTopic: number;
  readonly producersPerTopicList: readonly number[] | null;
  readonly consumerPerSubscription: number;
  /** Messages a second of all producers together; 0: find the highest that holds. */
  readonly producerRate: number;
  /** In place of producerRate. */
  readonly producerRateList: RateList | null;
  /** Ours: messages a second that the consumers of a subscription take together at most; -1: as many as come. */
  readonly consumerRate: number;
  /** Owed over all subscriptions, GiB, before consumers go on. */
  readonly consumerBacklogSizeGB: number;
  readonly backlogDrainRatio: number;
  readonly backlogProducerRate: number;
  readonly drainProducerRate: number;
  readonly testDurationMinutes: number;
  readonly warmupDurationMinutes: number;
  readonly warmupProducerRate: number;
  readonly warmupProducerRateSeparationMinutes: number;
  readonly sampleRateMillis: number;
  readonly existingTopicList: readonly string[] | null;
  readonly existingProduceTopicList: readonly string[] | null;
  readonly existingConsumeTopicList: readonly string[] | null;
  readonly consumerOnly: boolean;
  readonly randomTopicNames: boolean;
}
