// Entries of Produce requests that wait for room in the arena of managed logs, with the blocks that hold them. Owner: the
// shard's thread. Hot only while the disk is behind; pooled.

import { ReusedList } from '../../../engine/base/reused-list.ts';
import { type AppendLine, WaitingAppend } from '../../../engine/broker/append-line.ts';
import { produceEntry, produceUnheard } from '../../../engine/broker/produce.ts';
import type { ProduceOperation } from '../../../engine/broker/produce-operation.ts';
import type { ShardBroker } from '../../../engine/broker/shard-broker.ts';
import type { Partition } from '../../../engine/partition/partition.ts';
import type { Outbox } from '../server/outbox.ts';

class HeldEntry extends WaitingAppend {
  operation: ProduceOperation | null = null;
  entry = 0;
  block = 0;
  private readonly entries: HeldEntries;

  constructor(entries: HeldEntries) {
    super();
    this.entries = entries;
  }

  override carryOut(): void {
    this.entries.carryOut(this);
  }
}

export class HeldEntries {
  private readonly broker: ShardBroker;
  private readonly line: AppendLine;
  private readonly outbox: Outbox;
  private readonly idle = new ReusedList<HeldEntry>();

  constructor(broker: ShardBroker, outbox: Outbox) {
    this.broker = broker;
    this.line = broker.appendLine;
    this.outbox = outbox;
  }

  /** The batch in the broker's facts, in `block`, waits; the operation counts the entry as linked. */
  hold(operation: ProduceOperation, entry: number, partition: Partition, block: number): void {
    const one = this.idle.pop() ?? new HeldEntry(this);
    one.operation = operation;
    one.entry = entry;
    one.block = block;
    operation.linked++;
    this.outbox.retain(block);
    this.line.wait(one, partition, this.broker.facts);
  }

  carryOut(one: HeldEntry): void {
    const { broker } = this;
    const { operation, entry, facts } = one;
    const partition = one.partition!;
    facts.nowMs = broker.wallMs();
    // Timed out, or its connection is gone: the records are stored all the same, as they are of others.
    if (!operation!.unlink() || operation!.isDecided(entry)) produceUnheard(broker, partition, facts);
    else {
      produceEntry(broker, operation!, entry, partition, facts);
      if (!operation!.isDecided(entry)) broker.awaitOutcome(operation!);
    }
    // Behind the append, which has its bytes by then.
    this.outbox.release(one.block);
    one.operation = null;
    one.partition = null;
    this.idle.push(one);
  }
}
