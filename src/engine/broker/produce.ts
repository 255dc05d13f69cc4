// Append one partition entry of a Produce request, on the shard that leads the partition. Owner: the shard's thread.
// Hot: called once a batch; allocates nothing.

import { ErrorCode } from '../base/error-code.ts';
import { BatchStatus } from '../io/tick-layout.ts';
import { append, AppendFault } from '../log/log-append.ts';
import type { Partition } from '../partition/partition.ts';
import type { BatchFacts } from '../record/batch-facts.ts';
import { BatchAttribute } from '../record/batch-header.ts';
import { Codec } from '../record/compression.ts';
import type { ProduceOperation } from './produce-operation.ts';
import type { ShardBroker } from './shard-broker.ts';

const ATTRIBUTE_TRANSACTIONAL = 0x10;
const ATTRIBUTE_CONTROL = 0x20;
/** Written by the cleaner only. */
const ATTRIBUTE_DELETE_HORIZON = 0x40;
const ACKS_ALL = -1;
/** Clients of earlier versions of Produce cannot read zstd. */
const ZSTD_SINCE = 7;

/**
 * Stage the batch in `facts` as entry `entry` of `operation`. Its order in the log is fixed when this returns; its
 * outcome is decided at the end of the tick, or when the disk has it.
 */
export function produceEntry(
  broker: ShardBroker,
  operation: ProduceOperation,
  entry: number,
  partition: Partition,
  facts: BatchFacts,
): void {
  operation.partitions[entry] = partition;
  const baseOffset = append(broker.logs, partition.log, facts);
  if (baseOffset >= 0) {
    operation.baseOffsets[entry] = baseOffset;
    operation.endOffsets[entry] = baseOffset + facts.lastOffsetDelta + 1;
    if (partition.log.config.timestampType === 'LogAppendTime') operation.appendTimesMs[entry] = broker.wallMs();
    if (operation.acks === ACKS_ALL && broker.fsync === 'before-ack') waitForDisk(broker, operation, entry, partition);
    return;
  }
  if (baseOffset === AppendFault.DUPLICATE) {
    answerDuplicate(broker, operation, entry, partition);
    return;
  }
  operation.decide(entry, errorOfFault(baseOffset));
}

/** As produceEntry(), for a request that is answered already. */
export function produceUnheard(broker: ShardBroker, partition: Partition, facts: BatchFacts): void {
  append(broker.logs, partition.log, facts);
}

/** Kafka's error for attributes that a client may not set, or not in this version of Produce. */
export function errorOfAttributes(attributes: number, version: number): number {
  if (version < ZSTD_SINCE && (attributes & BatchAttribute.CODEC_MASK) === Codec.ZSTD) return ErrorCode.UNSUPPORTED_COMPRESSION_TYPE;
  if ((attributes & (ATTRIBUTE_CONTROL | ATTRIBUTE_DELETE_HORIZON)) !== 0) return ErrorCode.INVALID_RECORD;
  return (attributes & ATTRIBUTE_TRANSACTIONAL) === 0 ? ErrorCode.NONE : ErrorCode.INVALID_TXN_STATE;
}

/** Kafka's error for a batch the frame walker refused. Formats of old are no corruption: sending them again would not help. */
export function errorOfBatchStatus(status: number, magic: number): number {
  switch (status) {
    case BatchStatus.OK:
      return ErrorCode.NONE;
    case BatchStatus.BAD_CRC:
      return ErrorCode.CORRUPT_MESSAGE;
    case BatchStatus.BAD_LENGTH:
    case BatchStatus.BAD_MAGIC:
      return magic === 0 || magic === 1 ? ErrorCode.INVALID_RECORD : ErrorCode.CORRUPT_MESSAGE;
    default:
      return ErrorCode.INVALID_RECORD;
  }
}

/** A retry of one of the producer's last five batches succeeds with the offset it got the first time. */
function answerDuplicate(broker: ShardBroker, operation: ProduceOperation, entry: number, partition: Partition): void {
  const baseOffset = broker.logs.duplicateBaseOffset;
  operation.baseOffsets[entry] = baseOffset;
  operation.endOffsets[entry] = broker.logs.duplicateEndOffset;
  if (operation.acks !== ACKS_ALL || broker.fsync !== 'before-ack') return;
  if (operation.endOffsets[entry]! > partition.log.durableOffset) waitForDisk(broker, operation, entry, partition);
  else operation.decide(entry, ErrorCode.NONE);
}

function waitForDisk(broker: ShardBroker, operation: ProduceOperation, entry: number, partition: Partition): void {
  operation.waitDurable(entry, partition);
  broker.logs.requireDurable(partition.log);
}

/** Kafka's error for a batch the log refused; a duplicate is no error. */
export function errorOfFault(fault: number): number {
  switch (fault) {
    case AppendFault.TOO_LARGE:
      return ErrorCode.MESSAGE_TOO_LARGE;
    case AppendFault.INVALID_TIMESTAMP:
      return ErrorCode.INVALID_TIMESTAMP;
    case AppendFault.OUT_OF_ORDER_SEQUENCE:
      return ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER;
    case AppendFault.INVALID_RECORD:
      return ErrorCode.INVALID_RECORD;
    case AppendFault.INVALID_PRODUCER_EPOCH:
      return ErrorCode.INVALID_PRODUCER_EPOCH;
    default:
      return ErrorCode.KAFKA_STORAGE_ERROR;
  }
}
