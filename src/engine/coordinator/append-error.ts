// What a member of a group is told when the log refuses its coordinator's records. Owner: pure. Not hot.
//
// Clients know coordinators, not the log below: they look for the coordinator again or retry, and do neither on an error
// they do not expect in this place.

import { ErrorCode } from '../base/error-code.ts';

/** @param reason what PartitionWriter.append() rejected with */
export function coordinatorErrorOf(reason: unknown): number {
  switch (codeOf(reason)) {
    case ErrorCode.NOT_LEADER_OR_FOLLOWER:
    case ErrorCode.FENCED_LEADER_EPOCH:
    case ErrorCode.KAFKA_STORAGE_ERROR:
    case ErrorCode.NOT_COORDINATOR:
      return ErrorCode.NOT_COORDINATOR;
    case ErrorCode.MESSAGE_TOO_LARGE:
    case ErrorCode.RECORD_LIST_TOO_LARGE:
    case ErrorCode.INVALID_FETCH_SIZE:
      return ErrorCode.UNKNOWN_SERVER_ERROR;
    default:
      return ErrorCode.COORDINATOR_NOT_AVAILABLE;
  }
}

function codeOf(reason: unknown): unknown {
  if (typeof reason === 'object' && reason !== null && 'errorCode' in reason) return reason.errorCode;
  return reason;
}
