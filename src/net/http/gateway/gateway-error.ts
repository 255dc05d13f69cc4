// What the log says with Kafka's error codes, as HTTP says it, with what to do about it. Owner: pure. Not hot.

import { errorName, ErrorCode } from '../../../engine/base/error-code.ts';

export interface GatewayFault {
  readonly status: number;
  readonly error: string;
  /** Kafka's name of it. */
  readonly code: string;
}

const RETRY_SECONDS = '1';

export function faultOf(errorCode: number, where: string): GatewayFault {
  const code = errorName(errorCode);
  const fault = (status: number, error: string): GatewayFault => ({ status, error, code });
  switch (errorCode) {
    case ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
    case ErrorCode.UNKNOWN_TOPIC_ID:
      return fault(404, `${where} is not there (any more)`);
    case ErrorCode.MESSAGE_TOO_LARGE:
    case ErrorCode.RECORD_LIST_TOO_LARGE:
      return fault(413, `${where} takes batches up to its max.message.bytes: send smaller records, or raise that config of the topic`);
    case ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER:
    case ErrorCode.INVALID_PRODUCER_EPOCH:
      return fault(422, `${where} has records of this idempotency key with another content: use a new key for a new request`);
    case ErrorCode.OFFSET_OUT_OF_RANGE:
      return fault(416, `${where} has nothing at this offset: ask from 'earliest' or 'latest'`);
    case ErrorCode.INVALID_RECORD:
    case ErrorCode.INVALID_TIMESTAMP:
    case ErrorCode.CORRUPT_MESSAGE:
      return fault(400, `${where} does not take such records (${code}): a compacted topic wants a key on each, and times must be near now`);
    case ErrorCode.KAFKA_STORAGE_ERROR:
    case ErrorCode.NOT_LEADER_OR_FOLLOWER:
    case ErrorCode.REQUEST_TIMED_OUT:
    case ErrorCode.NOT_ENOUGH_REPLICAS:
    case ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
    case ErrorCode.COORDINATOR_NOT_AVAILABLE:
    case ErrorCode.NOT_COORDINATOR:
      return fault(503, `${where} cannot be had now (${code}): try again, with the same idempotency key`);
    default:
      return fault(500, `${where} failed: ${code}`);
  }
}

/** Headers that belong to a status. */
export function headersOf(status: number): Readonly<Record<string, string>> {
  return status === 429 || status === 503 ? { 'retry-after': RETRY_SECONDS } : {};
}

/** The broker ends, or has ended. */
export const STOPPING: GatewayFault = { status: 503, error: 'the broker stops: try again, with the same idempotency key', code: 'CLOSED' };
