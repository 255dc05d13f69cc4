// A consumer group that commits offsets 1, 2, 3 … one at a time; no commit that was acked may be forgotten.
// Owner: the thread that produces. Not hot.

import { ErrorCode } from '../../engine/base/error-code.ts';
import { KafkaConnection, KafkaConnectionError, KafkaError } from '../../net/kafka/client/kafka-connection.ts';
import { findCoordinatorApi } from '../../net/kafka/schema/generated/find-coordinator.ts';
import { offsetCommitApi } from '../../net/kafka/schema/generated/offset-commit.ts';
import { offsetFetchApi } from '../../net/kafka/schema/generated/offset-fetch.ts';
import { isRetriable, openBroker, pause, RETRY_MS } from './leader-connection.ts';

const GROUP = 'crash-group';
const FIND_COORDINATOR_VERSION = 3;
const OFFSET_COMMIT_VERSION = 8;
const OFFSET_FETCH_VERSION = 6;
const ANSWER_LIMIT_MS = 20_000;

export class CommitLoad {
  acked = 0;
  done: Promise<unknown> = Promise.resolve();
  private sent = 0;
  private readonly port: number;
  private readonly topic: string;
  private stopping = false;
  private holding = false;

  constructor(port: number, topic: string) {
    this.port = port;
    this.topic = topic;
  }

  start(): void {
    this.done = this.run();
    this.done.catch(() => {});
  }

  stop(): Promise<unknown> {
    this.stopping = true;
    return this.done;
  }

  /** No new commits until resume(). */
  hold(): void {
    this.holding = true;
  }

  resume(): void {
    this.holding = false;
  }

  get isIdle(): boolean {
    return this.acked === this.sent;
  }

  /**
   * @param beforeCrash what was acked when the broker died
   * @returns the committed offset
   * @throws when the broker has not the last acked commit, or has one that was never sent
   */
  async check(beforeCrash = this.acked): Promise<number> {
    for (const deadline = Date.now() + ANSWER_LIMIT_MS; Date.now() < deadline; await pause(RETRY_MS)) {
      // The load goes on: what is acked while the question is on its way may be in the answer or not.
      const least = this.acked;
      const { errorCode, committedOffset } = await this.ask().catch(() => ({ errorCode: ErrorCode.NOT_COORDINATOR, committedOffset: 0 }));
      if (isRetriable(errorCode)) continue;
      if (errorCode !== ErrorCode.NONE) throw new KafkaError(errorCode, 'OffsetFetch');
      const offset = Math.max(committedOffset, 0);
      const state = `committed offset ${offset}; ${beforeCrash} was acked before the crash, ${least} before the question, ${this.sent} was sent`;
      if (offset < beforeCrash) throw new Error(`lost: a commit is lost: ${state}`);
      if (offset < least) throw new Error(`lost: a commit that was acked is not seen: ${state}`);
      if (offset > this.sent) throw new Error(`foreign: nobody committed that: ${state}`);
      return offset;
    }
    throw new Error(`no coordinator answered within ${ANSWER_LIMIT_MS / 1000} s`);
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      if (this.holding && this.isIdle) {
        await pause(RETRY_MS);
        continue;
      }
      const connection = await this.coordinator().catch(() => null);
      try {
        if (connection !== null) await this.commitOn(connection);
      } catch (error) {
        if (!(error instanceof KafkaConnectionError)) throw error;
      } finally {
        connection?.close();
      }
      await pause(RETRY_MS);
    }
  }

  /** Until another coordinator has to be asked for. */
  private async commitOn(connection: KafkaConnection): Promise<void> {
    let error: number = ErrorCode.NONE;
    while (error === ErrorCode.NONE && !this.stopping && !(this.holding && this.isIdle)) error = await this.commitNext(connection);
    if (error !== ErrorCode.NONE && !isRetriable(error)) throw new KafkaError(error, 'OffsetCommit');
  }

  private async commitNext(connection: KafkaConnection): Promise<number> {
    const offset = ++this.sent;
    const partitions = [{ partitionIndex: 0, committedOffset: offset, committedMetadata: '' }];
    const request = { groupId: GROUP, memberId: '', topics: [{ name: this.topic, partitions }] };
    const answer = await connection.call(offsetCommitApi, request, OFFSET_COMMIT_VERSION);
    const { errorCode } = answer.topics[0]!.partitions[0]!;
    if (errorCode === ErrorCode.NONE) this.acked = offset;
    return errorCode;
  }

  private async ask(): Promise<{ errorCode: number; committedOffset: number }> {
    const connection = await this.coordinator();
    try {
      const request = { groupId: GROUP, topics: [{ name: this.topic, partitionIndexes: [0] }] };
      const { errorCode, topics } = await connection.call(offsetFetchApi, request, OFFSET_FETCH_VERSION);
      if (errorCode !== ErrorCode.NONE) return { errorCode, committedOffset: -1 };
      return topics[0]!.partitions[0]!;
    } finally {
      connection.close();
    }
  }

  private async coordinator(): Promise<KafkaConnection> {
    const seed = await openBroker(this.port);
    try {
      const { errorCode, host, port } = await seed.call(findCoordinatorApi, { key: GROUP }, FIND_COORDINATOR_VERSION);
      if (errorCode !== ErrorCode.NONE) throw new KafkaConnectionError(`FindCoordinator: error ${errorCode}`);
      return await KafkaConnection.open(host, port);
    } finally {
      seed.close();
    }
  }
}
