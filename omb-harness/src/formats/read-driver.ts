// Reads an OMB driver file: four blocks of properties and a class name. Owner: pure. Not hot.

import type { DriverSettings } from '../contracts/driver-settings.ts';
import { type FieldTable, flag, readFields, text, wholeNumber } from './read-fields.ts';
import { readProperties } from './read-properties.ts';

export type ReadDriver =
  | { readonly ok: true; readonly driver: DriverSettings; readonly notices: readonly string[] }
  | { readonly ok: false; readonly errors: readonly string[] };

interface FileFields {
  readonly name: string;
  readonly driverClass: string;
  readonly replicationFactor: number;
  readonly topicConfig: string;
  readonly commonConfig: string;
  readonly producerConfig: string;
  readonly consumerConfig: string;
  readonly reset: boolean;
}

const table: FieldTable<FileFields> = {
  name: text(''),
  driverClass: text(''),
  replicationFactor: wholeNumber(1, 1),
  topicConfig: text(''),
  commonConfig: text(''),
  producerConfig: text(''),
  consumerConfig: text(''),
  reset: flag(false),
};

export function readDriver(file: string, stem: string, yaml: string, lenient: boolean): ReadDriver {
  const read = readFields<FileFields>(file, yaml, table, lenient);
  if (!read.ok) return read;
  const { name, driverClass, replicationFactor, reset, ...blocks } = read.fields;
  if (driverClass === '') return { ok: false, errors: [`${file}: driverClass is missing`] };
  const common = readProperties(blocks.commonConfig);
  const driver: DriverSettings = {
    name: name === '' ? stem : name,
    driverClass,
    replicationFactor,
    topicConfig: readProperties(blocks.topicConfig),
    adminConfig: common,
    producerConfig: { ...common, ...readProperties(blocks.producerConfig) },
    consumerConfig: { ...common, ...readProperties(blocks.consumerConfig) },
    reset,
  };
  const autoCommit = driver.consumerConfig['enable.auto.commit'];
  const notices = [...read.notices];
  if (autoCommit === undefined)
    notices.push(`${file}: enable.auto.commit is not given: false here and upstream, true in the Redpanda fork`);
  if (reset) notices.push(`${file}: reset: topics named test-topic… that earlier runs left are deleted before each run`);
  return { ok: true, driver, notices };
}
