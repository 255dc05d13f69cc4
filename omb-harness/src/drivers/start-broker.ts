// The broker of one run: the one that was named, or one started for it. Owner: the thread that asked. Not hot.

import type { BrokerChoice } from '../contracts/broker-choice.ts';
import type { Clock } from '../contracts/clock.ts';
import type { BrokerUsage } from '../contracts/driver.ts';
import type { EmbeddedLog } from '../../../src/embed/embedded-log.ts';
import { EmbeddedBroker } from './embedded/embedded-broker.ts';
import { OwnBroker } from './own-broker.ts';
import { PeerKafka } from './peer-kafka.ts';

export interface RunningBroker {
  readonly bootstrap: string;
  /** Where its data lies; null where that is not known from here. */
  readonly dataDir: string | null;
  /** With its version, where it was started here: the protocol tells none. */
  readonly product: string | null;
  /** Where it is in this process. */
  readonly log?: EmbeddedLog;
  usage(clock: Clock): BrokerUsage | null;
  stop(): Promise<void>;
}

/** @param parent where a data folder is made: the disk that is measured. @throws DriverError */
export async function startBroker(choice: BrokerChoice, parent: string): Promise<RunningBroker> {
  if (choice.kind === 'at')
    return { bootstrap: choice.bootstrap, dataDir: null, product: null, usage: () => null, stop: () => Promise.resolve() };
  if (choice.kind === 'embedded') return EmbeddedBroker.start(parent, choice.settings);
  return choice.kind === 'ringlog' ? OwnBroker.start(parent, choice.settings) : PeerKafka.start(parent, choice.settings);
}
