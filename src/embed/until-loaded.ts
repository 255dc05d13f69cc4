// Questions about groups, asked again while their coordinator still reads its log. Owner: the calling thread. Not hot.

import { ErrorCode } from '../engine/base/error-code.ts';
import { abortable } from './abortable.ts';
import { checkCode } from './ringlog-error.ts';

const PAUSE_MS = 5;
const PAUSE_MAX_MS = 200;
const PATIENCE_MS = 60_000;
const LOADING: ReadonlySet<number> = new Set([
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.NOT_COORDINATOR,
]);

/** @throws RinglogError of any other error, prefixed by `what` */
export async function untilLoaded<Answer extends { readonly errorCode: number }>(
  what: string,
  ask: () => Promise<Answer>,
  signal?: AbortSignal,
): Promise<Answer> {
  const answer = await askUntilLoaded(ask, signal);
  checkCode(answer.errorCode, what);
  return answer;
}

/** The answer that is about the question, whatever it says. An aborted signal ends the asking, and the wait at once. */
export function askUntilLoaded<Answer extends { readonly errorCode: number }>(
  ask: () => Promise<Answer>,
  signal?: AbortSignal,
): Promise<Answer> {
  return abortable(signal, async () => {
    const endMs = performance.now() + PATIENCE_MS;
    for (let pauseMs = PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)) {
      const answer = await ask();
      if (!LOADING.has(answer.errorCode) || performance.now() > endMs) return answer;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      signal?.throwIfAborted();
    }
  });
}
