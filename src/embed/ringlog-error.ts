// RinglogError: how every call of the embedded API fails. Owner: pure.

import { errorName, ErrorCode } from '../engine/base/error-code.ts';
import { CallError } from '../workers/ring/call-error.ts';

/** Kafka's errors that the same call may not meet a moment later. */
const PASSING: ReadonlySet<string> = new Set([
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'KAFKA_STORAGE_ERROR',
  'NOT_LEADER_OR_FOLLOWER',
  'REQUEST_TIMED_OUT',
]);

export class RinglogError extends Error {
  override readonly name = 'RinglogError';
  /** Kafka's name of the error (`UNKNOWN_TOPIC_OR_PARTITION` …), or CLOSED, IN_USE, INVALID_ARGUMENT, DIRECTORY_LOCKED. */
  readonly code: string;
  /** The same call may succeed later. */
  readonly retriable: boolean;

  constructor(code: string, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.retriable = PASSING.has(code);
  }
}

/** What the rings say when the broker is gone, as an error of this API. */
export function asRinglogError(error: unknown): unknown {
  return error instanceof CallError ? new RinglogError(error.code, error.message, { cause: error }) : error;
}

/** @throws RinglogError unless the code is NONE */
export function checkCode(errorCode: number, what: string, detail: string | null = null): void {
  if (errorCode === ErrorCode.NONE) return;
  const name = errorName(errorCode);
  throw new RinglogError(name, `${what}: ${detail ?? name}`);
}
