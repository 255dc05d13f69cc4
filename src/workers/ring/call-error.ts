// Why a control call to another thread brought no result.
// Owner: the calling thread. Not hot.

/** DEADLINE, QUEUE_FULL and CLOSED are this side's; REMOTE is a handler's error without a code; others are its codes. */
export class CallError extends Error {
  override readonly name = 'CallError';
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
