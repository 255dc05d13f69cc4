// DriverSettings: an OMB driver file after reading. Owner: pure; a contract, types only.

type Properties = Readonly<Record<string, string>>;

export interface DriverSettings {
  readonly name: string;
  /** A Java class name in OMB; here a label that drivers/driver-registry.ts maps to a client. */
  readonly driverClass: string;
  readonly replicationFactor: number;
  readonly topicConfig: Properties;
  /** common merged in, as OMB does. */
  readonly producerConfig: Properties;
  readonly consumerConfig: Properties;
  readonly adminConfig: Properties;
  readonly reset: boolean;
}
