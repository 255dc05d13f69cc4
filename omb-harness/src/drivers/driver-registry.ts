// Which client a driver file's class name means here. Owner: pure. Not hot.

import type { Driver } from '../contracts/driver.ts';
import { DriverError } from '../contracts/driver.ts';
import { nearestName } from '../formats/nearest-name.ts';
import { PlatformaticDriver } from './platformatic/platformatic-driver.ts';
import { EmbeddedDriver, type EmbeddedOptions } from './embedded/embedded-driver.ts';
import { KafkaWireDriver, type KafkaWireOptions } from './kafka-wire/kafka-wire-driver.ts';

type DriverOptions = KafkaWireOptions & EmbeddedOptions;
type Opener = (options: DriverOptions) => Promise<Driver>;

/** Runs over it have their log in the harness's process. */
export const EMBEDDED_CLASS = 'ringlog-embedded';

const openers: Readonly<Record<string, Opener>> = {
  'io.openmessaging.benchmark.driver.kafka.KafkaBenchmarkDriver': KafkaWireDriver.open,
  'io.openmessaging.benchmark.driver.redpanda.RedpandaBenchmarkDriver': KafkaWireDriver.open,
  ringlog: KafkaWireDriver.open,
  platformatic: PlatformaticDriver.open,
  [EMBEDDED_CLASS]: EmbeddedDriver.open,
};

export function openDriver(options: DriverOptions): Promise<Driver> {
  const { driverClass, name } = options.settings;
  const open = Object.hasOwn(openers, driverClass) ? openers[driverClass]! : null;
  if (open !== null) return open(options);
  const known = Object.keys(openers);
  const near = nearestName(driverClass, known);
  const hint = near === null ? `; known are ${known.join(', ')}` : `; did you mean '${near}'?`;
  return Promise.reject(new DriverError(`driver ${name}: unknown driverClass '${driverClass}'${hint}`));
}
