// Every API this broker speaks. Add a handler here and it is dispatched and advertised. Owner: constant; once a shard.

import { alterConfigsHandler } from './alter-configs.ts';
import { type ApiRegistry, buildApiRegistry } from './api-registry.ts';
import { apiVersionsHandler } from './api-versions.ts';
import { createPartitionsHandler } from './create-partitions.ts';
import { createTopicsHandler } from './create-topics.ts';
import { deleteRecordsHandler } from './delete-records.ts';
import { deleteTopicsHandler } from './delete-topics.ts';
import { describeClusterHandler } from './describe-cluster.ts';
import { describeConfigsHandler } from './describe-configs.ts';
import { describeLogDirsHandler } from './describe-log-dirs.ts';
import { describeProducersHandler } from './describe-producers.ts';
import { describeTopicPartitionsHandler } from './describe-topic-partitions.ts';
import { incrementalAlterConfigsHandler } from './incremental-alter-configs.ts';
import { initProducerIdHandler } from './init-producer-id.ts';
import { listConfigResourcesHandler } from './list-config-resources.ts';
import { listOffsetsHandler } from './list-offsets.ts';
import { listPartitionReassignmentsHandler } from './list-partition-reassignments.ts';
import { metadataHandler } from './metadata.ts';
import { offsetForLeaderEpochHandler } from './offset-for-leader-epoch.ts';

export function kafkaApis(): ApiRegistry {
  // ApiVersions answers from the registry it is itself part of.
  const registry: ApiRegistry = buildApiRegistry([
    apiVersionsHandler(() => registry),
    metadataHandler,
    listOffsetsHandler,
    offsetForLeaderEpochHandler,
    initProducerIdHandler,
    createTopicsHandler,
    deleteTopicsHandler,
    createPartitionsHandler,
    deleteRecordsHandler,
    describeConfigsHandler,
    incrementalAlterConfigsHandler,
    alterConfigsHandler,
    describeClusterHandler,
    describeTopicPartitionsHandler,
    describeLogDirsHandler,
    describeProducersHandler,
    listConfigResourcesHandler,
    listPartitionReassignmentsHandler,
  ]);
  return registry;
}
