// Every API this broker speaks. Add a handler here and it is dispatched and advertised. Owner: constant; once a shard.

import { alterConfigsHandler } from './alter-configs.ts';
import { type ApiRegistry, buildApiRegistry } from './api-registry.ts';
import { apiVersionsHandler } from './api-versions.ts';
import { createPartitionsHandler } from './create-partitions.ts';
import { createTopicsHandler } from './create-topics.ts';
import { deleteGroupsHandler } from './delete-groups.ts';
import { deleteRecordsHandler } from './delete-records.ts';
import { deleteTopicsHandler } from './delete-topics.ts';
import { describeClusterHandler } from './describe-cluster.ts';
import { describeConfigsHandler } from './describe-configs.ts';
import { describeGroupsHandler } from './describe-groups.ts';
import { describeLogDirsHandler } from './describe-log-dirs.ts';
import { describeProducersHandler } from './describe-producers.ts';
import { describeTopicPartitionsHandler } from './describe-topic-partitions.ts';
import { findCoordinatorHandler } from './find-coordinator.ts';
import { heartbeatHandler } from './heartbeat.ts';
import { incrementalAlterConfigsHandler } from './incremental-alter-configs.ts';
import { initProducerIdHandler } from './init-producer-id.ts';
import { joinGroupHandler } from './join-group.ts';
import { leaveGroupHandler } from './leave-group.ts';
import { listConfigResourcesHandler } from './list-config-resources.ts';
import { listGroupsHandler } from './list-groups.ts';
import { listOffsetsHandler } from './list-offsets.ts';
import { listPartitionReassignmentsHandler } from './list-partition-reassignments.ts';
import { metadataHandler } from './metadata.ts';
import { offsetCommitHandler } from './offset-commit.ts';
import { offsetDeleteHandler } from './offset-delete.ts';
import { offsetFetchHandler } from './offset-fetch.ts';
import { offsetForLeaderEpochHandler } from './offset-for-leader-epoch.ts';
import { syncGroupHandler } from './sync-group.ts';

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
    findCoordinatorHandler,
    joinGroupHandler,
    syncGroupHandler,
    heartbeatHandler,
    leaveGroupHandler,
    offsetCommitHandler,
    offsetFetchHandler,
    offsetDeleteHandler,
    listGroupsHandler,
    describeGroupsHandler,
    deleteGroupsHandler,
  ]);
  return registry;
}
