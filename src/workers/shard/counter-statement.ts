// What a shard says of the moment for whoever reads its counters: partitions, groups with their offsets, fill of rings and
// arena. Owner: the shard's thread. Not hot: once a second, some stores a partition; CounterStatement.write() times itself.

import {
  GROUP_NAME_BYTES_MAX,
  GROUP_STATES,
  GroupCell,
  OffsetCell,
  PartitionCell,
  ShardCell,
  VERSION_WORD,
} from '../../engine/base/counter-layout.ts';
import type { ShardCounters } from '../../engine/base/shard-counters.ts';
import type { ShardBroker } from '../../engine/broker/shard-broker.ts';
import type { Group } from '../../engine/coordinator/group/group.ts';
import type { LocalGroupCoordinator } from '../../engine/coordinator/local-group-coordinator.ts';
import { Ctl } from '../../engine/io/tick-layout.ts';
import { highWatermark, type Partition } from '../../engine/partition/partition.ts';
import { nativeCounters } from '../../net/reactor/native-reactor.ts';
import type { Reactor } from '../../net/reactor/reactor.ts';
import type { RingFill } from '../ring/mesh-endpoint.ts';

const CELL_BYTES = Float64Array.BYTES_PER_ELEMENT;

export class CounterStatement {
  private readonly broker: ShardBroker;
  private readonly groups: LocalGroupCoordinator;
  private readonly reactor: Reactor;
  private readonly ringFill: (() => RingFill) | null;
  /** The name that stands in each group row: one that stays is not written again. */
  private readonly names: string[] = [];
  private partitionRows = 0;
  private offsetRows = 0;
  private groupRows = 0;
  private untold = 0;

  constructor(broker: ShardBroker, groups: LocalGroupCoordinator, reactor: Reactor, ringFill: (() => RingFill) | null) {
    this.broker = broker;
    this.groups = groups;
    this.reactor = reactor;
    this.ringFill = ringFill;
  }

  write(): void {
    const { broker } = this;
    const { counters, clock } = broker;
    const beganMs = clock.monotonicMs();
    Atomics.add(counters.words, VERSION_WORD, 1);
    this.partitionRows = 0;
    this.offsetRows = 0;
    this.groupRows = 0;
    this.untold = 0;
    for (const partition of broker.partitionByTicket) if (partition != null) this.writePartition(counters, partition);
    this.groups.visitGroups((group) => this.writeGroup(counters, group));
    this.writeGauges(counters);
    counters.set(ShardCell.STATEMENT_MS, clock.monotonicMs() - beganMs);
    Atomics.add(counters.words, VERSION_WORD, 1);
  }

  private writePartition({ cells, bytes, rows, regions }: ShardCounters, partition: Partition): void {
    const topic = this.broker.topics.byName.get(partition.topicName);
    if (topic === undefined || this.partitionRows === rows.partitions) {
      this.untold++;
      return;
    }
    const { log } = partition;
    const row = regions.partitions + this.partitionRows++ * PartitionCell.CELLS;
    bytes.set(topic.idBytes, (row + PartitionCell.ID) * CELL_BYTES);
    cells[row + PartitionCell.INDEX] = partition.index;
    cells[row + PartitionCell.START_OFFSET] = log.startOffset;
    cells[row + PartitionCell.DURABLE_OFFSET] = log.durableOffset;
    cells[row + PartitionCell.HIGH_WATERMARK] = highWatermark(partition);
    cells[row + PartitionCell.END_OFFSET] = log.endOffset;
    cells[row + PartitionCell.SIZE_BYTES] = log.sizeBytes;
    cells[row + PartitionCell.SEGMENTS] = log.segments.length;
    cells[row + PartitionCell.FAILED] = log.failed ? 1 : 0;
  }

  private writeGroup(counters: ShardCounters, group: Group): void {
    const { cells, rows, regions } = counters;
    const index = this.groupRows;
    if (index === rows.groups || !this.writeName(counters, index, group.id)) {
      this.untold++;
      return;
    }
    this.groupRows++;
    const row = regions.groups + index * GroupCell.CELLS;
    cells[row + GroupCell.STATE] = GROUP_STATES.indexOf(group.state);
    cells[row + GroupCell.MEMBERS] = group.members.size;
    cells[row + GroupCell.GENERATION] = group.generation;
    for (const [name, partitions] of group.offsets) {
      const topic = this.broker.topics.byName.get(name);
      // Of a topic that is gone there is no lag to tell.
      if (topic === undefined) continue;
      for (const [partition, { offset }] of partitions) this.writeOffset(counters, topic.idBytes, partition, index, offset);
    }
  }

  private writeOffset(
    { cells, bytes, rows, regions }: ShardCounters,
    topicId: Uint8Array,
    partition: number,
    group: number,
    offset: number,
  ): void {
    if (this.offsetRows === rows.offsets) {
      this.untold++;
      return;
    }
    const row = regions.offsets + this.offsetRows++ * OffsetCell.CELLS;
    bytes.set(topicId, (row + OffsetCell.ID) * CELL_BYTES);
    cells[row + OffsetCell.INDEX] = partition;
    cells[row + OffsetCell.GROUP] = group;
    cells[row + OffsetCell.OFFSET] = offset;
  }

  /** False when the name is longer than its place. */
  private writeName({ bytes, cells, regions }: ShardCounters, index: number, name: string): boolean {
    if (this.names[index] === name) return true;
    const encoded = Buffer.from(name);
    if (encoded.length > GROUP_NAME_BYTES_MAX) return false;
    bytes.set(encoded, regions.names + index * GROUP_NAME_BYTES_MAX);
    cells[regions.groups + index * GroupCell.CELLS + GroupCell.NAME_BYTES] = encoded.length;
    this.names[index] = name;
    return true;
  }

  private writeGauges(counters: ShardCounters): void {
    const { reactor } = this;
    const mail = this.ringFill === null ? { used: 0, slots: 0, full: 0 } : this.ringFill();
    counters.set(ShardCell.WRITTEN_WALL_MS, this.broker.clock.wallMs());
    counters.set(ShardCell.TICK_RING_USED, counters.cells[ShardCell.COMPLETIONS_MAX]!);
    counters.set(ShardCell.COMPLETIONS_MAX, 0);
    counters.set(ShardCell.TICK_RING_SLOTS, reactor.cqCapacity);
    counters.set(ShardCell.MAIL_RING_USED, mail.used);
    counters.set(ShardCell.MAIL_RING_SLOTS, mail.slots);
    counters.set(ShardCell.MAIL_RING_FULL, mail.full);
    counters.set(ShardCell.ARENA_USED_BYTES, reactor.ctlF64[Ctl.HELD_BYTES_F64]!);
    counters.set(ShardCell.ARENA_BYTES, reactor.arena.length);
    const native = nativeCounters(reactor);
    counters.set(ShardCell.READS_COLD, native?.coldReads ?? -1);
    counters.set(ShardCell.READS_AHEAD, native?.aheadHits ?? 0);
    counters.set(ShardCell.MANAGED_UNWRITTEN_BYTES, native?.managedUnwrittenBytes ?? 0);
    counters.set(ShardCell.MANAGED_BYTES, native?.managedArenaBytes ?? 0);
    counters.set(ShardCell.MANAGED_STOPS, native?.managedStops ?? 0);
    counters.set(ShardCell.MANAGED_WAITS, native?.managedWaits ?? 0);
    counters.set(ShardCell.PARTITIONS, this.partitionRows);
    counters.set(ShardCell.OFFSETS, this.offsetRows);
    counters.set(ShardCell.GROUPS, this.groupRows);
    counters.set(ShardCell.UNTOLD, this.untold);
  }
}
