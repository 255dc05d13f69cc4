// What a test broker is told to do wrong, and to whom. Owner: the test's thread. Not hot.

import { nearestName } from '../engine/base/config-nearest.ts';
import { ErrorCode } from '../engine/base/error-code.ts';
import { RinglogError } from '../embed/ringlog-error.ts';
import { errorApis } from './error-answers.ts';
import { apiNames } from './kafka-api.ts';
import { namesGroups, namesPartitions, namesTopics, type Target } from './request-targets.ts';

export type KafkaErrorName = Exclude<keyof typeof ErrorCode, 'NONE'>;

export interface FaultOptions {
  /** Kafka's name of the API: `Produce`, `Fetch`, `JoinGroup` … */
  readonly api: string;
  /** Only requests that name this topic; all when absent. */
  readonly topic?: string;
  /** Only this partition of the topic. */
  readonly partition?: number;
  /** Only requests of this group. */
  readonly group?: string;
  /** Only requests of clients with this id. */
  readonly clientId?: string;
  /** Answered with this; what it hits is not carried out, the rest of the request is. */
  readonly error?: KafkaErrorName;
  /** The answer leaves that long after the request came, by the broker's clock; those behind it on its connection wait too. */
  readonly delayMs?: number;
  /** The connection closes without an answer: before the request is carried out, or after. */
  readonly drop?: 'before' | 'after-append';
  /** Only so many bytes of the answer leave (its length prefix is 4 of them), never all; then the connection closes. */
  readonly torn?: number;
  /** How many requests it meets. 1 when absent; Infinity: until it is removed. */
  readonly times?: number;
}

/** A fault that was added. */
export class Fault {
  readonly options: FaultOptions;
  /** Requests it has met. */
  hits = 0;
  readonly #remove: (fault: Fault) => void;

  constructor(options: FaultOptions, remove: (fault: Fault) => void) {
    this.options = options;
    this.#remove = remove;
  }

  /** It meets no more requests. */
  remove(): void {
    this.#remove(this);
  }
}

/** A request, as far as faults look at it. */
export interface FaultyRequest {
  readonly api: string;
  readonly clientId: string | null;
  readonly targets: readonly Target[];
  /** It asks for all topics there are. */
  readonly all: boolean;
}

/** What is done to one request. */
export interface FaultPlan {
  readonly delayMs: number;
  readonly drop: FaultOptions['drop'] | null;
  /** -1: the answer is whole. */
  readonly torn: number;
  /** Null: no error is answered. */
  readonly codeOf: ((target: Target) => number) | null;
}

const OPTIONS: ReadonlySet<string> = new Set<keyof FaultOptions>([
  'api',
  'topic',
  'partition',
  'group',
  'clientId',
  'error',
  'delayMs',
  'drop',
  'torn',
  'times',
]);

export class Faults {
  readonly #faults: Fault[] = [];

  /** Those that still wait for requests, oldest first. */
  get active(): readonly Fault[] {
    return [...this.#faults];
  }

  /** @throws RinglogError INVALID_ARGUMENT */
  add(options: FaultOptions): Fault {
    check(options);
    const fault = new Fault({ ...options }, (gone) => this.#drop(gone));
    this.#faults.push(fault);
    return fault;
  }

  clear(): void {
    this.#faults.length = 0;
  }

  /** Of the broker itself: what is to be done to a request that has come in. It counts. */
  meet(request: FaultyRequest): FaultPlan | null {
    const met = this.#faults.filter(({ options }) => concerns(options, request));
    if (met.length === 0) return null;
    for (const fault of met) if (++fault.hits >= (fault.options.times ?? 1)) this.#drop(fault);
    const options = met.map((fault) => fault.options);
    const errors = options.filter(({ error }) => error !== undefined);
    const ends = options.find(({ drop, torn }) => drop !== undefined || torn !== undefined);
    const codeOf = (target: Target): number => {
      const hit = errors.find((one) => hits(one, target));
      return hit === undefined ? 0 : ErrorCode[hit.error!];
    };
    return {
      delayMs: Math.max(...options.map(({ delayMs = 0 }) => delayMs)),
      drop: ends?.drop ?? null,
      torn: ends?.torn ?? -1,
      codeOf: errors.length === 0 ? null : codeOf,
    };
  }

  #drop(fault: Fault): void {
    const at = this.#faults.indexOf(fault);
    if (at >= 0) this.#faults.splice(at, 1);
  }
}

function concerns(options: FaultOptions, { api, clientId, targets, all }: FaultyRequest): boolean {
  if (options.api !== api || (options.clientId !== undefined && options.clientId !== clientId)) return false;
  if (options.topic === undefined && options.group === undefined) return true;
  if (all && options.group === undefined) return true;
  return targets.some((target) => {
    if (options.group !== undefined && options.group !== target.group) return false;
    if (options.topic === undefined) return true;
    if (target.topic === undefined) return all;
    return options.topic === target.topic && [undefined, target.partition ?? options.partition].includes(options.partition);
  });
}

function hits(options: FaultOptions, target: Target): boolean {
  const { topic, partition, group } = options;
  if (topic !== undefined && topic !== target.topic) return false;
  if (partition !== undefined && partition !== target.partition) return false;
  return group === undefined || group === target.group;
}

function check(options: FaultOptions): void {
  const wrong = (text: string): never => {
    throw new RinglogError('INVALID_ARGUMENT', `faults.add(): ${text}`);
  };
  const unknown = (what: string, name: string, known: Iterable<string>): never => {
    const near = nearestName(name, known);
    return wrong(`${what} ${name} is not known${near === null ? '' : `: is it ${near}?`}`);
  };
  for (const name of Object.keys(options)) if (!OPTIONS.has(name)) unknown('option', name, OPTIONS);
  const { api, topic, partition, group, error, delayMs, drop, torn, times } = options;
  if (!apiNames.includes(api)) unknown('api', String(api), apiNames);
  if (topic !== undefined && !namesTopics(api)) wrong(`requests of ${api} name no topic`);
  if (partition !== undefined && !namesPartitions(api)) wrong(`${api} has no partitions`);
  if (partition !== undefined && topic === undefined) wrong('a partition is one of a topic: name it');
  if (partition !== undefined && !isCount(partition, 0)) wrong(`partition=${partition}: a whole number, 0 or more`);
  if (group !== undefined && !namesGroups(api)) wrong(`requests of ${api} name no group`);
  if (error !== undefined) {
    if (error === ('NONE' as string) || !(error in ErrorCode))
      unknown(
        'error',
        String(error),
        Object.keys(ErrorCode).filter((name) => name !== 'NONE'),
      );
    if (!errorApis.includes(api))
      wrong(`no errors are answered to ${api}, only delayMs, drop and torn; errors are to ${errorApis.join(', ')}`);
  }
  if (delayMs !== undefined && !(delayMs >= 0 && Number.isFinite(delayMs))) wrong(`delayMs=${delayMs}: 0 or more`);
  if (drop !== undefined && drop !== 'before' && drop !== 'after-append') wrong(`drop=${String(drop)}: 'before' or 'after-append'`);
  if (torn !== undefined && !isCount(torn, 0)) wrong(`torn=${torn}: a number of bytes, 0 or more`);
  if (times !== undefined && times !== Infinity && !isCount(times, 1)) wrong(`times=${times}: a whole number, 1 or more, or Infinity`);
  if ([error, drop, torn].filter((one) => one !== undefined).length > 1) wrong('error, drop and torn are of different faults');
  if ([error, delayMs, drop, torn].every((one) => one === undefined)) wrong('nothing is to happen: give error, delayMs, drop or torn');
}

function isCount(value: number, least: number): boolean {
  return Number.isInteger(value) && value >= least;
}
