// Calls of an interface of promises that end on another thread: one control call each. Owner: the calling thread.
// Not hot.

import { open } from 'node:fs/promises';
import type { CleanOutcome } from '../../engine/log/cleaner/clean-job.ts';
import type { ControllerVerbs } from '../../engine/metadata/controller-requests.ts';
import type { Mailbox } from '../ring/mailbox.ts';
import { ControlKind, type VerbBody } from './control-kind.ts';
import type { BackgroundWork } from './log-cleaner.ts';

/** How long the controller may take: creating a topic opens its logs on every shard. */
const CONTROLLER_DEADLINE_MS = 60_000;
/** A large log under a low IO rate takes days, and nothing else may write to its directory meanwhile. */
const CLEAN_DEADLINE_MS = 2 ** 31 - 1;

/** The controller, seen from a shard. */
export function remoteController(mailbox: Mailbox): ControllerVerbs {
  const call = <T>(verb: keyof ControllerVerbs, request: unknown): Promise<T> =>
    mailbox.call(ControlKind.CONTROLLER, { verb, request } satisfies VerbBody, CONTROLLER_DEADLINE_MS) as Promise<T>;
  return {
    createTopics: (request) => call('createTopics', request),
    deleteTopics: (request) => call('deleteTopics', request),
    createPartitions: (request) => call('createPartitions', request),
    incrementalAlterConfigs: (request) => call('incrementalAlterConfigs', request),
    alterConfigs: (request) => call('alterConfigs', request),
    describeConfigs: (request) => call('describeConfigs', request),
    autoCreateTopics: (names) => call('autoCreateTopics', names),
    ensureInternalTopic: (name) => call('ensureInternalTopic', name),
    allocateProducerIds: () => call('allocateProducerIds', null),
  };
}

/** The background threads, seen from a shard. */
export function remoteBackground(mailbox: Mailbox): BackgroundWork {
  return {
    clean: (job) => mailbox.call(ControlKind.CLEAN, job, CLEAN_DEADLINE_MS) as Promise<CleanOutcome>,
    syncDirectory,
  };
}

/** On a thread of libuv's. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Carry out a call that came by ring. @throws when the verb is not one of `target`'s */
export function runVerb(target: object, { verb, request }: VerbBody): unknown {
  const method: unknown = (target as Record<string, unknown>)[verb];
  if (typeof method !== 'function') throw new Error(`no verb ${verb}`);
  return method.call(target, request);
}
