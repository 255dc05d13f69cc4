// Asks again while a system says that it is not ready yet, as Kafka does after its start and after a topic is made: clients of
// every make wait for it. Owner: the thread that asks. Not hot.

import { ErrorCode } from '../../../../src/engine/base/error-code.ts';
import { KafkaError } from '../../../../src/net/kafka/client/kafka-connection.ts';

const PAUSE_MS = 200;
const TRIES_MAX = 150;
const PASSING: ReadonlySet<number> = new Set([
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.REQUEST_TIMED_OUT,
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.LEADER_NOT_AVAILABLE,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
]);

/** @throws (rejects with) what is no passing state, or the last answer after half a minute */
export async function patiently<T>(ask: () => Promise<T>, pauseMs = PAUSE_MS): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof KafkaError) || !PASSING.has(error.code) || tries === TRIES_MAX) throw error;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
