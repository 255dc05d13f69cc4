// What `import … from 'ringlog/testing'` gives. Owner: the test's thread. The one place that gathers: an entry has one face.

import type { TopicSpec } from '../embed/admin.ts';
import { RinglogError } from '../embed/ringlog-error.ts';
import type { BrokerLog } from '../workers/supervisor/broker-log.ts';
import type { BrokerClock } from './broker-clock.ts';
import type { Fault, FaultOptions, Faults, KafkaErrorName } from './faults.ts';
import type { RequestFilter, SeenRequest } from './request-log.ts';
import { startTestBroker, type TestBrokerOptions } from './start-test-broker.ts';
import type { StoredRecord } from './stored-records.ts';
import type { GroupState, TestBroker } from './test-broker.ts';

export { RinglogError, startTestBroker };
export type { Fault, FaultOptions, Faults, KafkaErrorName, RequestFilter, SeenRequest };
export type { BrokerClock, BrokerLog, GroupState, StoredRecord, TestBroker, TestBrokerOptions, TopicSpec };
