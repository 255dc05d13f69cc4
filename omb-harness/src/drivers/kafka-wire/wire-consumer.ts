// A consumer over Ringlog's own small client: partitions assigned by hand, one connection to each leader. Owner: the load's
// thread. Hot.

import { errorName, ErrorCode } from '../../../../src/engine/base/error-code.ts';
import { recordsIn } from '../../../../src/engine/record/log-records.ts';
import { KafkaConnection } from '../../../../src/net/kafka/client/kafka-connection.ts';
import { fetchApi } from '../../../../src/net/kafka/schema/generated/fetch.ts';
import { type JsConsumer, type OnRecord, STAMP_HEADER } from '../../contracts/js-client.ts';
import type { Leader } from './wire-producer.ts';

const FETCH_VERSION_MAX = 12;
const PAUSE_POLL_MS = 10;

interface Position extends Leader {
  offset: number;
}

export interface WireConsumerOptions {
  readonly topic: string;
  /** Where each of its partitions is and begins. */
  readonly positions: readonly Readonly<Position>[];
  readonly settings: Readonly<Record<string, string>>;
  readonly onRecord: OnRecord;
  readonly failed: (error: Error) => void;
}

export class WireConsumer implements JsConsumer {
  private readonly options: WireConsumerOptions;
  private readonly connections: KafkaConnection[] = [];
  private paused = false;
  private closed = false;

  private constructor(options: WireConsumerOptions) {
    this.options = options;
  }

  static async start(options: WireConsumerOptions): Promise<WireConsumer> {
    const consumer = new WireConsumer(options);
    const byLeader = new Map<string, Position[]>();
    for (const position of options.positions) {
      const address = `${position.host}:${position.port}`;
      byLeader.set(address, [...(byLeader.get(address) ?? []), { ...position }]);
    }
    for (const positions of byLeader.values()) {
      const connection = await KafkaConnection.open(positions[0]!.host, positions[0]!.port);
      consumer.connections.push(connection);
      void consumer.loop(connection, positions).catch((error: unknown) => {
        if (!consumer.closed) options.failed(error as Error);
      });
    }
    return consumer;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  close(): Promise<void> {
    this.closed = true;
    for (const connection of this.connections) connection.close();
    return Promise.resolve();
  }

  private async loop(connection: KafkaConnection, positions: readonly Position[]): Promise<void> {
    const { topic, settings } = this.options;
    const version = Math.min(connection.versionOf(fetchApi), FETCH_VERSION_MAX);
    const partitionMaxBytes = Number(settings['max.partition.fetch.bytes']);
    const limits = {
      maxWaitMs: Number(settings['fetch.max.wait.ms']),
      minBytes: Number(settings['fetch.min.bytes']),
      maxBytes: Number(settings['fetch.max.bytes']),
      forgottenTopicsData: [],
    };
    while (!this.closed) {
      if (this.paused) {
        await new Promise((resolve) => setTimeout(resolve, PAUSE_POLL_MS));
        continue;
      }
      const partitions = positions.map(({ partition, offset }) => ({ partition, fetchOffset: offset, partitionMaxBytes }));
      const { errorCode, responses } = await connection.call(fetchApi, { ...limits, topics: [{ topic, partitions }] }, version);
      if (errorCode !== ErrorCode.NONE) throw new Error(`fetch: ${errorName(errorCode)}`);
      for (const answer of responses.flatMap((response) => response.partitions)) {
        if (answer.errorCode !== ErrorCode.NONE)
          throw new Error(`fetch of ${topic}-${answer.partitionIndex}: ${errorName(answer.errorCode)}`);
        if (answer.records !== null)
          this.deliver(
            positions.find(({ partition }) => partition === answer.partitionIndex)!,
            answer.records,
          );
      }
    }
  }

  private deliver(position: Position, records: Uint8Array): void {
    for (const { offset, value, headers } of recordsIn(records)) {
      // A fetch from inside a batch gives the whole batch.
      if (offset < position.offset) continue;
      position.offset = offset + 1;
      const stamp = headers.find(({ key }) => key === STAMP_HEADER)?.value ?? null;
      this.options.onRecord(position.partition, offset, value ?? new Uint8Array(0), stamp);
    }
  }
}
